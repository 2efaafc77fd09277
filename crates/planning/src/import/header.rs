//! Which column means what: suggested from the header's words and from what stands below, kept per carrier as a table
//! of two columns, `theirs` and `ours`.

use super::cell::{self, Unit};
use super::limits::HEADER_ROWS_MAX;
use super::sheet::{Sheet, letter};
use super::waybill;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::order::OrderRecord;

/// Fields beyond those of an orders file that an import understands.
pub const FIELDS: [&str; 10] = [
    "address",
    "sender_address",
    "town",
    "village",
    "recipient",
    "phone",
    "goods",
    "note",
    "weight",
    "volume",
];

/// Words of headers by field, as people write them; compared without case, spaces, brackets and stars.
const WORDS: [(&str, &[&str]); 27] = [
    (
        "id",
        &[
            "运单号",
            "快递单号",
            "运单编号",
            "面单号",
            "物流单号",
            "快件编号",
            "邮件号",
            "单号",
            "运单",
            "票号",
            "waybill",
            "waybillno",
            "trackingnumber",
            "trackingno",
            "orderid",
            "条码",
        ],
    ),
    ("kind", &["方向", "业务类型", "类型", "派收", "收派类型", "direction"]),
    ("carrier", &["快递公司", "承运商", "快递企业", "物流公司", "品牌", "快递", "承运人", "公司", "courier"]),
    ("origin", &["始发网点", "起点", "发件网点", "始发地", "始发", "from"]),
    (
        "destination",
        &["目的网点", "派送网点", "派件网点", "目的地", "站点", "目的", "派送点", "服务点", "to"],
    ),
    (
        "address",
        &[
            "收件地址",
            "收货地址",
            "详细地址",
            "收件人地址",
            "收货人地址",
            "派送地址",
            "收方地址",
            "地址",
            "receiveraddress",
            "recipientaddress",
            "consigneeaddress",
        ],
    ),
    (
        "sender_address",
        &[
            "寄件地址",
            "发货地址",
            "寄件人地址",
            "发件地址",
            "揽收地址",
            "取件地址",
            "寄方地址",
            "senderaddress",
        ],
    ),
    ("town", &["乡镇", "镇", "乡镇街道", "街道", "township", "town"]),
    ("village", &["村", "村庄", "行政村", "村居", "村社区", "village"]),
    (
        "recipient",
        &["收件人", "收货人", "姓名", "客户", "收件人姓名", "收货人姓名", "联系人", "consignee", "receiver"],
    ),
    (
        "phone",
        &[
            "电话",
            "手机",
            "手机号",
            "联系电话",
            "收件电话",
            "收件人电话",
            "联系方式",
            "收货电话",
            "收件人手机",
            "tel",
            "mobile",
        ],
    ),
    (
        "goods",
        &[
            "物品",
            "品名",
            "托寄物",
            "货物",
            "货物名称",
            "内件",
            "商品",
            "物品名称",
            "内物",
            "item",
            "goods",
            "commodity",
        ],
    ),
    ("class", &["货类", "品类", "温层", "货物类别", "goodsclass"]),
    ("pieces", &["件数", "数量", "包裹数", "总件数", "qty", "quantity", "pcs"]),
    ("weight", &["重量", "计费重量", "实际重量", "净重", "毛重", "weight"]),
    ("volume", &["体积", "方数", "立方", "volume"]),
    (
        "ready",
        &[
            "到件时间",
            "到达时间",
            "入库时间",
            "预计到达",
            "到站时间",
            "扫描时间",
            "可取时间",
            "备货时间",
            "eta",
            "readytime",
        ],
    ),
    (
        "promise",
        &[
            "应送达",
            "时限",
            "承诺时间",
            "要求送达",
            "派送时限",
            "最晚送达",
            "截止时间",
            "deadline",
            "dueby",
            "due",
        ],
    ),
    ("window", &["收货时段", "时间段", "时段", "可收时间", "deliverywindow"]),
    ("first_due", &["首次应派", "首派日期"]),
    ("deferrals", &["改期次数", "延期次数"]),
    ("late_fen_h", &["晚点单价"]),
    ("unserved_fen", &["未派单价"]),
    ("cleared", &["已安检", "实名", "安检", "已验视"]),
    ("arrived_at", &["实到时间", "实际到达", "到件扫描"]),
    ("note", &["备注", "说明", "留言", "remark", "remarks", "comment"]),
    // Columns that a fix-file adds, and counters: known, and of no meaning.
    ("", &["序号", "编号", "行号", "no", "原行号", "问题", "改正"]),
];

/// What one column means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The header as it stands in the file, or the letter of a column without one.
    pub theirs: String,
    /// Our field; empty when the column is not used.
    pub ours: String,
    /// How sure, in hundredths; 100 when a mapping said so.
    pub confidence: u32,
    /// Unit of the numbers, where the header names one.
    #[serde(skip)]
    pub unit: Option<Unit>,
}

/// The meaning of every column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Row of the header in the file.
    pub header_row: u64,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// The position of the header among the sheet's rows.
    #[serde(skip)]
    pub(super) position: usize,
}

impl Mapping {
    /// The column of a field.
    #[must_use]
    pub fn column(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.ours == field)
    }

    /// The header of a field's column, or the field's own name.
    #[must_use]
    pub fn theirs<'a>(&'a self, field: &'a str) -> &'a str {
        self.column(field).map_or(field, |at| self.columns[at].theirs.as_str())
    }

    /// The table to keep for this carrier's next file: `theirs,ours`.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(["theirs", "ours"]).expect("writing to memory");
        for column in self.columns.iter().filter(|c| !c.theirs.is_empty()) {
            out.write_record([&column.theirs, &column.ours]).expect("writing to memory");
        }
        out.into_inner().expect("writing to memory")
    }
}

/// Every field that a column can mean.
#[must_use]
pub fn is_field(name: &str) -> bool {
    name.is_empty() || OrderRecord::COLUMNS.contains(&name) || FIELDS.contains(&name) || name == "arrived_at"
}

/// A header without what people decorate it with, and the unit in its brackets.
fn bare(header: &str) -> (String, Option<Unit>) {
    let text = cell::halfwidth(header).to_lowercase();
    let (mut name, mut inside, mut depth) = (String::new(), String::new(), 0_u32);
    for c in text.chars() {
        match c {
            '(' | '[' | '【' => depth += 1,
            ')' | ']' | '】' => depth = depth.saturating_sub(1),
            '*' | ' ' | '_' | ':' | '-' | '.' | '/' | '\'' => {}
            _ if depth > 0 => inside.push(c),
            _ => name.push(c),
        }
    }
    let mut unit = cell::unit_named(&inside);
    // 重量kg, 体积m3
    if unit.is_none() {
        for tail in ["公斤", "千克", "kg", "克", "立方米", "m3", "m³", "升"] {
            if name.len() > tail.len() && name.ends_with(tail) {
                unit = cell::unit_named(tail);
                name.truncate(name.len() - tail.len());
                break;
            }
        }
    }
    (name, unit)
}

/// The field that a header names and how surely.
fn field_of(header: &str) -> (&'static str, u32, Option<Unit>) {
    let own = header.trim().to_ascii_lowercase();
    for name in OrderRecord::COLUMNS.into_iter().chain(FIELDS).chain(["arrived_at"]) {
        if name == own {
            return (name, 100, None);
        }
    }
    let (name, unit) = bare(header);
    if name.is_empty() {
        return ("", 0, None);
    }
    let mut best = ("", 0_u32);
    for (field, words) in WORDS {
        for word in words {
            let score = if *word == name {
                95
            } else if word.len() > 3 && name.contains(word) {
                50 + (30 * word.len() / name.len()) as u32
            } else {
                continue;
            };
            if score > best.1 {
                best = (field, score);
            }
        }
    }
    (best.0, best.1, unit)
}

/// How many fields a row names if it is the header.
fn names_of(sheet: &Sheet, position: usize) -> usize {
    let cells = sheet.rows[position].cells.iter();
    cells.map(field_of).filter(|(f, _, _)| !f.is_empty()).map(|(f, _, _)| f).collect::<BTreeSet<_>>().len()
}

/// The header: the row near the top that names most fields.
fn position(sheet: &Sheet, kept: &BTreeMap<String, String>) -> Option<usize> {
    let top = sheet.rows.len().min(HEADER_ROWS_MAX);
    let by_mapping = (0..top)
        .map(|i| (sheet.rows[i].cells.iter().filter(|c| kept.contains_key(c.trim())).count(), i))
        .filter(|&(n, _)| n > 0)
        .max_by_key(|&(n, i)| (n, std::cmp::Reverse(i)));
    if let Some((_, i)) = by_mapping {
        return Some(i);
    }
    let (named, i) =
        (0..top).map(|i| (names_of(sheet, i), i)).max_by_key(|&(n, i)| (n, std::cmp::Reverse(i)))?;
    Some(if named == 0 { 0 } else { i })
}

/// Says what each column means. `kept` (header → field) is what was settled for this carrier before and wins over every
/// suggestion. `None` for a file without rows.
#[must_use]
pub fn suggest(sheet: &Sheet, kept: &BTreeMap<String, String>) -> Option<Mapping> {
    let position = position(sheet, kept)?;
    let header = &sheet.rows[position];
    let width = sheet.rows.iter().skip(position).take(200).map(|r| r.cells.len()).max().unwrap_or(0);
    let mut columns: Vec<Column> = (0..width)
        .map(|at| {
            let theirs = header.cells.get(at).trim().to_owned();
            let (field, confidence, unit) = field_of(&theirs);
            match kept.get(&theirs) {
                Some(ours) => Column { theirs, ours: ours.clone(), confidence: 100, unit },
                None => Column { theirs, ours: field.to_owned(), confidence, unit },
            }
        })
        .collect();
    for column in &mut columns {
        // A foreign “weight” has a unit of its own; our `weight_g` is grams.
        let unit = match column.ours.as_str() {
            "weight" => column.unit.or(Some(Unit::Grams(1000))),
            "volume" => column.unit.or(Some(Unit::Cm3(1_000_000))),
            _ => None,
        };
        column.unit = unit;
    }
    once_each(&mut columns, kept);
    by_content(sheet, position, &mut columns);
    for (at, column) in columns.iter_mut().enumerate() {
        if column.theirs.is_empty() && !column.ours.is_empty() {
            column.theirs = letter(at);
        }
    }
    Some(Mapping { header_row: header.row, columns, position })
}

/// A field belongs to the column that names it best; the others go unused.
fn once_each(columns: &mut [Column], kept: &BTreeMap<String, String>) {
    let fields: BTreeSet<String> = columns.iter().map(|c| c.ours.clone()).filter(|f| !f.is_empty()).collect();
    for field in fields {
        let of = |c: &Column| c.ours == field;
        let best = columns
            .iter()
            .enumerate()
            .filter(|(_, c)| of(c))
            .max_by_key(|(i, c)| (kept.contains_key(&c.theirs), c.confidence, std::cmp::Reverse(*i)))
            .map(|(i, _)| i);
        for (i, column) in columns.iter_mut().enumerate() {
            if of(column) && Some(i) != best {
                column.ours.clear();
                column.confidence = 0;
            }
        }
    }
}

/// Columns whose header says nothing, told by what stands in them: waybill numbers, phones.
fn by_content(sheet: &Sheet, position: usize, columns: &mut [Column]) {
    let sample: Vec<_> = sheet.rows.iter().skip(position + 1).take(60).collect();
    let has = |columns: &[Column], field: &str| columns.iter().any(|c| c.ours == field);
    for at in 0..columns.len() {
        if !columns[at].ours.is_empty() || columns[at].confidence > 0 {
            continue;
        }
        let cells: Vec<&str> = sample.iter().map(|r| r.cells.get(at)).filter(|c| !c.is_empty()).collect();
        if cells.len() < 3 {
            continue;
        }
        let share =
            |test: &dyn Fn(&str) -> bool| cells.iter().filter(|c| test(c)).count() * 100 / cells.len();
        let distinct = cells.iter().collect::<BTreeSet<_>>().len() == cells.len();
        let telling = |c: &str| waybill::guesses(c).iter().any(|g| g.weight >= 60);
        let phone = |c: &str| cell::phone(c).is_some_and(|p| p.chars().count() == 11 && p.starts_with('1'));
        let place = |c: &str| c.contains('村') || c.contains("社区") || c.contains('镇');
        if !has(columns, "id") && distinct && share(&telling) >= 80 {
            columns[at].ours = "id".into();
        } else if !has(columns, "phone") && share(&phone) >= 80 {
            columns[at].ours = "phone".into();
        } else if !has(columns, "address") && !has(columns, "village") && share(&place) >= 80 {
            columns[at].ours = "address".into();
        } else {
            continue;
        }
        columns[at].confidence = 60;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::sheet::{Cells, SheetRow};

    fn sheet(rows: &[&[&str]]) -> Sheet {
        let mut sheet = Sheet::new("f.csv");
        for (i, row) in rows.iter().enumerate() {
            sheet.rows.push(SheetRow { row: i as u64 + 1, cells: Cells::new(row), refused: false });
        }
        sheet
    }

    fn ours(rows: &[&[&str]]) -> Vec<String> {
        let mapping = suggest(&sheet(rows), &BTreeMap::new()).expect("there are rows");
        mapping.columns.into_iter().map(|c| c.ours).collect()
    }

    #[test]
    fn headers_in_people_s_words() {
        assert_eq!(
            ours(&[
                &["中通快递派件日报"],
                &["序号", "运单号", "收件人", "收件人电话", "收件地址", "重量(kg)", "件数", "备注"]
            ]),
            ["", "id", "recipient", "phone", "address", "weight", "pieces", "note"]
        );
        assert_eq!(
            ours(&[&["Tracking No.", "Consignee", "Receiver Address", "Weight", "Qty"]]),
            ["id", "recipient", "address", "weight", "pieces"]
        );
        assert_eq!(ours(&[&["id", "kind", "weight_g"]]), ["id", "kind", "weight_g"]);
    }

    #[test]
    fn a_title_row_is_no_header_and_content_speaks_for_itself() {
        let rows: Vec<Vec<String>> = (0..5)
            .map(|i| vec![format!("YT100000000{i}"), format!("1380000000{i}"), "大营镇小营村".into()])
            .collect();
        let mut sheet = sheet(&[&["甲", "乙", "丙"]]);
        for (i, row) in rows.iter().enumerate() {
            sheet.rows.push(SheetRow { row: i as u64 + 2, cells: Cells::new(row), refused: false });
        }
        let mapping = suggest(&sheet, &BTreeMap::new()).expect("rows");
        let ours: Vec<&str> = mapping.columns.iter().map(|c| c.ours.as_str()).collect();
        assert_eq!(ours, ["id", "phone", "address"]);
    }

    #[test]
    fn what_was_kept_wins() {
        let kept: BTreeMap<String, String> =
            [("地址".to_owned(), "note".to_owned()), ("丙".to_owned(), "address".to_owned())].into();
        let mapping = suggest(&sheet(&[&["地址", "丙", "运单号"]]), &kept).expect("rows");
        let ours: Vec<&str> = mapping.columns.iter().map(|c| c.ours.as_str()).collect();
        assert_eq!(ours, ["note", "address", "id"]);
    }
}
