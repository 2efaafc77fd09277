//! The fix-file: the rows that were refused, as they came, with what is wrong and what would be right beside them.
//! It opens in any spreadsheet and can be imported again once corrected.

use super::header::Mapping;
use super::sheet::Sheet;
use std::collections::BTreeMap;
use xiangyun_model::problem::Problem;

/// A text that no spreadsheet takes for a formula.
fn tame(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// What a code means for the person at the table, in Chinese; the words of the fault itself follow in English.
fn meaning(code: &str) -> &'static str {
    match code {
        "P105" => "必填项为空",
        "P106" => "不是数字",
        "P107" => "数值超出范围",
        "P108" => "编号不合规则",
        "P109" | "P134" => "单号重复",
        "P110" => "不认识的用词",
        "P111" => "没有这个站点",
        "P112" => "没有这个企业或货类",
        "P113" => "不是日期或时间",
        "P114" => "时间段不成立",
        "P122" => "起讫点与类型不符",
        "P124" => "要求时间早于就绪时间",
        "P130" => "公式没有值或出错",
        "P131" => "合并单元格",
        "P132" => "数字位数丢失",
        "P133" => "整行错列",
        "P135" => "地址须人工分拣",
        _ => "请更正",
    }
}

/// Writes the rows named in `problems` by row, in UTF-8 with a byte order mark.
#[must_use]
pub(super) fn write(sheet: &Sheet, mapping: &Mapping, problems: &BTreeMap<u64, Vec<&Problem>>) -> Vec<u8> {
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(b"\xEF\xBB\xBF".to_vec());
    let width = mapping.columns.len();
    let header = mapping.columns.iter().map(|c| c.theirs.as_str()).chain(["原行号", "问题", "改正"]);
    out.write_record(header).expect("writing to memory");
    let by_row: BTreeMap<u64, usize> = sheet.rows.iter().enumerate().map(|(i, r)| (r.row, i)).collect();
    for (row, list) in problems {
        let Some(&at) = by_row.get(row) else { continue };
        let cells = &sheet.rows[at].cells;
        let join =
            |part: &dyn Fn(&Problem) -> String| list.iter().map(|p| part(p)).collect::<Vec<_>>().join("; ");
        let what = join(&|p| {
            let words = p.want.split(';').next().unwrap_or("").trim();
            format!("{} {} {} {words}", p.code, p.column, meaning(p.code))
        });
        let cure = join(&|p| p.want.split_once(';').map_or("", |(_, cure)| cure.trim()).to_owned());
        let mut record: Vec<String> = (0..width.max(cells.len())).map(|i| tame(cells.get(i))).collect();
        // Cells beyond the header would push the explanation out of its columns.
        record.truncate(width);
        record.extend([row.to_string(), what, cure]);
        out.write_record(&record).expect("writing to memory");
    }
    out.into_inner().expect("writing to memory")
}
