//! Two hundred faults planted over twenty files: all are found and placed, nothing good is lost.

use super::*;
use crate::address::{Agreed, Corrections, Places, Resolver};
use crate::county::load_dir;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::site::SiteKind;

const HEADER: [&str; 7] = ["运单号", "收件人", "电话", "收件地址", "重量(kg)", "件数", "预计到达"];

struct World {
    county: County,
    resolver: Resolver,
}

fn world() -> World {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
    let county = load_dir(dir).expect("the committed county");
    let mut problems = Problems::new();
    let places = std::fs::read(dir.join("places.csv")).expect("committed");
    let places = Places::read("places.csv", &places, &county, &mut problems);
    let resolver = Resolver::new(&county, &places, Corrections::default(), Agreed::default());
    World { county, resolver }
}

impl World {
    fn import(&self, file: &str, bytes: &[u8]) -> Imported {
        let sheet = read(file, bytes);
        let known = BTreeSet::new();
        let context = Context {
            county: &self.county,
            date: self.county.default_date,
            resolver: Some(&self.resolver),
            carrier: Some(xiangyun_model::id::CarrierId::at(1)),
            known: &known,
        };
        match suggest(&sheet, &BTreeMap::new()) {
            Some(mapping) => convert(&sheet, &mapping, &context),
            None => Imported { problems: sheet.problems.clone(), ..Imported::default() },
        }
    }

    /// Rows as a carrier's system writes them, all good.
    fn rows(&self, file: usize, count: usize) -> Vec<Vec<String>> {
        let villages: Vec<_> = self.county.sites_of(SiteKind::Village).collect();
        (0..count)
            .map(|i| {
                let village = self.county.site(villages[(file * 31 + i * 7) % villages.len()]);
                let town = self.county.site(village.parent.expect("a village has a station"));
                let name = |s: &str| s.replace("物流服务点", "").replace("物流中转站", "");
                vec![
                    format!("731{file:03}{i:06}"),
                    "张三".to_owned(),
                    "138****1234".to_owned(),
                    format!(
                        "河南省平顶山市宝丰县{}{}{}组{}号",
                        name(&town.name_zh),
                        name(&village.name_zh),
                        1 + i % 9,
                        1 + i
                    ),
                    "1.25".to_owned(),
                    "1".to_owned(),
                    "2026-11-24 06:20".to_owned(),
                ]
            })
            .collect()
    }
}

/// What must be said of a planted fault.
#[derive(Debug, Clone)]
struct Planted {
    row: u64,
    column: &'static str,
    code: &'static str,
    /// Whether the row is still an order.
    kept: bool,
}

/// Plants one fault into a row; what must be found.
fn plant(kind: usize, rows: &mut [Vec<String>], at: usize) -> (&'static str, &'static str, bool) {
    let row = &mut rows[at];
    let mut set = |column: usize, text: &str| row[column] = text.to_owned();
    match kind {
        0 => {
            set(0, "");
            ("P105", "运单号", false)
        }
        1 => {
            set(4, "约两斤");
            ("P106", "重量(kg)", false)
        }
        2 => {
            set(4, "-1");
            ("P107", "重量(kg)", false)
        }
        3 => {
            set(5, "1.5");
            ("P106", "件数", false)
        }
        4 => {
            set(6, "明天早上");
            ("P113", "预计到达", false)
        }
        5 => {
            set(6, "2026-11-31 06:00");
            ("P113", "预计到达", false)
        }
        6 => {
            set(6, "11/12/2026");
            ("P113", "预计到达", false)
        }
        7 => {
            set(0, "7.73123E+14");
            ("P132", "运单号", false)
        }
        8 => {
            set(3, "郏县冢头镇李庄村3号");
            ("P135", "收件地址", false)
        }
        9 => {
            set(3, "宝丰县杨庄村");
            ("P135", "收件地址", false)
        }
        10 => {
            set(4, "１．２５");
            ("P136", "重量(kg)", true)
        }
        11 => {
            set(6, "2026年11月24日6时20分");
            ("P136", "预计到达", true)
        }
        12 => {
            set(4, "=E2+1");
            ("P130", "重量(kg)", false)
        }
        13 => {
            set(3, "宝丰县锟斤拷锟斤拷村");
            ("P102", "收件地址", false)
        }
        14 => {
            set(5, "0");
            ("P107", "件数", false)
        }
        15 => {
            set(4, "1.2升");
            ("P106", "重量(kg)", false)
        }
        16 => {
            set(3, &"长".repeat(2000));
            ("P123", "收件地址", false)
        }
        17 => {
            set(6, "25:61");
            ("P113", "预计到达", false)
        }
        18 => {
            row.rotate_right(1);
            row[0] = "备用".to_owned();
            ("P133", "", false)
        }
        19 => {
            row.remove(1);
            row.push(String::new());
            ("P133", "", false)
        }
        20 => {
            rows[at][0] = rows[at - 1][0].clone();
            ("P109", "运单号", false)
        }
        21 => {
            rows[at] = rows[at - 1].clone();
            ("P134", "运单号", false)
        }
        22 => {
            *row = vec![
                "合计".into(),
                String::new(),
                String::new(),
                String::new(),
                "12.5".into(),
                "40".into(),
                String::new(),
            ];
            ("P136", "", false)
        }
        _ => {
            set(0, "731/000<1>");
            ("P108", "运单号", false)
        }
    }
}

fn csv(grid: &[Vec<String>], separator: u8) -> Vec<u8> {
    let mut out = ::csv::WriterBuilder::new().delimiter(separator).flexible(true).from_writer(Vec::new());
    for row in grid {
        out.write_record(row).expect("memory");
    }
    out.into_inner().expect("memory")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A cell of a workbook by its XML after the reference; text by default.
fn workbook(sheet_xml: &str, extra: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let mut part = |name: &str, bytes: &[u8]| {
        zip.start_file(name, options).expect("memory");
        zip.write_all(bytes).expect("memory");
    };
    part("[Content_Types].xml", br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#);
    part("_rels/.rels", br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#);
    part("xl/workbook.xml", br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#);
    part("xl/_rels/workbook.xml.rels", br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#);
    part("xl/worksheets/sheet1.xml", sheet_xml.as_bytes());
    for (name, bytes) in extra {
        part(name, bytes);
    }
    zip.finish().expect("memory").into_inner()
}

/// A sheet's XML; `special` replaces cells by their XML, `row_of` numbers the rows.
fn sheet_xml(
    grid: &[Vec<String>],
    special: &BTreeMap<(usize, usize), String>,
    merges: &[String],
    row_of: impl Fn(usize) -> usize,
) -> String {
    let mut xml = String::from(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#,
    );
    for (i, row) in grid.iter().enumerate() {
        let number = row_of(i);
        xml.push_str(&format!(r#"<row r="{number}">"#));
        for (j, text) in row.iter().enumerate() {
            let name = format!("{}{number}", letter(j));
            match special.get(&(i, j)) {
                Some(cell) => xml.push_str(&cell.replace("REF", &name)),
                None if text.is_empty() => {}
                None => xml.push_str(&format!(
                    r#"<c r="{name}" t="inlineStr"><is><t>{}</t></is></c>"#,
                    escaped(text)
                )),
            }
        }
        xml.push_str("</row>");
    }
    xml.push_str("</sheetData>");
    if !merges.is_empty() {
        xml.push_str(&format!(r#"<mergeCells count="{}">"#, merges.len()));
        for merge in merges {
            xml.push_str(&format!(r#"<mergeCell ref="{merge}"/>"#));
        }
        xml.push_str("</mergeCells>");
    }
    xml.push_str("</worksheet>");
    xml
}

/// Checks one file: everything planted is found at its place, every other row is an order.
fn check(world: &World, file: &str, bytes: &[u8], planted: &[Planted], good: &BTreeMap<u64, String>) {
    let imported = world.import(file, bytes);
    let said: Vec<&Problem> = imported.problems.list().iter().chain(imported.notices.list()).collect();
    let kept: BTreeMap<u64, &str> =
        imported.kept.iter().map(|k| (k.row, k.order.record.id.as_str())).collect();
    for fault in planted {
        let found = said.iter().any(|p| {
            p.row == fault.row
                && p.code == fault.code
                && (fault.column.is_empty() || p.column == fault.column)
        });
        let at_row: Vec<_> = said.iter().filter(|p| p.row == fault.row).collect();
        assert!(found, "{file}: {fault:?} is not said; of the row: {at_row:?}");
        assert_eq!(kept.contains_key(&fault.row), fault.kept, "{file}: {fault:?}");
    }
    for (row, id) in good {
        let of_row: Vec<_> = said.iter().filter(|p| p.row == *row).collect();
        assert_eq!(kept.get(row).copied(), Some(id.as_str()), "{file}: row {row} is lost: {of_row:?}");
    }
    // A file that is not read at all has no rows to give back.
    let wrong = planted.iter().filter(|p| p.row > 0 && !p.kept && !matches!(p.code, "P134" | "P136"));
    if wrong.count() > 0 {
        assert!(!imported.fix_file.is_empty(), "{file}: no fix-file");
    }
}

/// Base rows with faults of the given kinds at spread places; rows are numbered from `first`.
fn planted(
    world: &World,
    file: usize,
    kinds: &[usize],
    first: u64,
) -> (Vec<Vec<String>>, Vec<Planted>, BTreeMap<u64, String>) {
    let mut rows = world.rows(file, 12 + 3 * kinds.len());
    let mut list = Vec::new();
    for (i, &kind) in kinds.iter().enumerate() {
        let at = 11 + 3 * i;
        let (code, column, kept) = plant(kind, &mut rows, at);
        list.push(Planted { row: first + at as u64, column, code, kept });
    }
    let bad: BTreeSet<u64> = list.iter().map(|p| p.row).collect();
    let good = rows
        .iter()
        .enumerate()
        .map(|(i, r)| (first + i as u64, r[0].clone()))
        .filter(|(row, _)| !bad.contains(row))
        .collect();
    (rows, list, good)
}

fn with_header(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut grid = vec![HEADER.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()];
    grid.extend(rows.iter().cloned());
    grid
}

#[test]
fn two_hundred_faults_in_twenty_files_are_found_and_nothing_good_is_lost() {
    let world = world();
    let mut total = 0;
    let mut files = 0;
    let all: Vec<usize> = (0..24).collect();
    // Text files: encodings, separators, titles above the header.
    for (n, (separator, encoding, title)) in [
        (b',', "utf-8", false),
        (b',', "gbk", false),
        (b';', "utf-8-bom", false),
        (b'\t', "utf-16le", false),
        (b'\t', "gb18030", true),
        (b',', "utf-8", true),
        (b'|', "utf-16be", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut kinds = all.clone();
        kinds.rotate_left(5 * n % 24);
        kinds.truncate(16);
        let first = if title { 4 } else { 2 };
        let (rows, faults, good) = planted(&world, n, &kinds, first);
        let mut grid = with_header(&rows);
        if title {
            grid.insert(0, vec!["中通快递宝丰网点派件清单".into()]);
            grid.insert(1, vec!["制表日期".into(), "2026-11-23".into()]);
        }
        let text = String::from_utf8(csv(&grid, separator)).expect("our own");
        let bytes = match encoding {
            "gbk" | "gb18030" => encoding_rs::GB18030.encode(&text).0.into_owned(),
            "utf-8-bom" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            "utf-16le" => {
                [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
            }
            "utf-16be" => {
                [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
            }
            _ => text.into_bytes(),
        };
        check(&world, &format!("f{n}.csv"), &bytes, &faults, &good);
        total += faults.len();
        files += 1;
    }
    // Lines in another encoding, broken bytes, open quotation marks, rows too long, zero bytes.
    for n in 7..10 {
        let rows = world.rows(n, 40);
        let grid = with_header(&rows);
        let text = String::from_utf8(csv(&grid, b',')).expect("our own");
        let mut lines: Vec<Vec<u8>> = text.lines().map(|l| l.as_bytes().to_vec()).collect();
        let mut faults = Vec::new();
        for (i, kind) in (0..10).map(|i| (4 + 3 * i, (i + n) % 5)) {
            let row = i as u64 + 1;
            let (code, kept) = match kind {
                0 => {
                    lines[i] = encoding_rs::GB18030
                        .encode(std::str::from_utf8(&lines[i]).expect("ours"))
                        .0
                        .into_owned();
                    ("P102", true)
                }
                1 => {
                    let middle = lines[i].len() / 2;
                    lines[i].splice(middle..middle, [0xFF, 0xFF]);
                    ("P102", false)
                }
                2 => {
                    let at = lines[i].iter().position(|&b| b == b',').expect("a row") + 1;
                    lines[i].insert(at, b'"');
                    ("P103", false)
                }
                3 => {
                    lines[i].extend_from_slice(b",more,cells");
                    ("P103", false)
                }
                _ => {
                    let at = lines[i].iter().position(|&b| b == b',').expect("a row") + 1;
                    lines[i].insert(at, 0);
                    ("P103", false)
                }
            };
            faults.push(Planted { row, column: "", code, kept });
        }
        let bad: BTreeSet<u64> = faults.iter().map(|f| f.row).collect();
        let good = rows
            .iter()
            .enumerate()
            .map(|(i, r)| (i as u64 + 2, r[0].clone()))
            .filter(|(r, _)| !bad.contains(r))
            .collect();
        check(&world, &format!("f{n}.csv"), &lines.join(&b'\n'), &faults, &good);
        total += faults.len();
        files += 1;
    }
    // Workbooks with the same faults of values.
    for n in 10..13 {
        let mut kinds = all.clone();
        kinds.rotate_left(7 * (n - 9));
        kinds.truncate(14);
        let (rows, faults, good) = planted(&world, n, &kinds, 2);
        let bytes = workbook(&sheet_xml(&with_header(&rows), &BTreeMap::new(), &[], |i| i + 1), &[]);
        check(&world, &format!("f{n}.xlsx"), &bytes, &faults, &good);
        total += faults.len();
        files += 1;
    }
    // Merged cells, formulas without values or with errors, rounded numbers.
    for n in 13..16 {
        let rows = world.rows(n, 40);
        let (mut special, mut merges, mut faults) = (BTreeMap::new(), Vec::new(), Vec::new());
        for i in 0..10 {
            let at = 3 + 3 * i;
            let row = at as u64 + 1;
            let (code, column, cell) = match (i + n) % 4 {
                0 => {
                    merges.push(format!("D{at}:D{row}"));
                    ("P131", "收件地址", r#"<c r="REF"/>"#)
                }
                1 => ("P130", "重量(kg)", r#"<c r="REF"><f>SUM(A1:A2)</f></c>"#),
                2 => ("P130", "件数", r##"<c r="REF" t="e"><f>VLOOKUP(A1,B:C,2)</f><v>#N/A</v></c>"##),
                _ => ("P132", "运单号", r#"<c r="REF"><v>7731234567890123</v></c>"#),
            };
            let column_at = HEADER.iter().position(|h| *h == column).expect("known");
            special.insert((at, column_at), cell.to_owned());
            faults.push(Planted { row, column, code, kept: false });
        }
        let bad: BTreeSet<u64> = faults.iter().map(|f| f.row).collect();
        let good = rows
            .iter()
            .enumerate()
            .map(|(i, r)| (i as u64 + 2, r[0].clone()))
            .filter(|(r, _)| !bad.contains(r))
            .collect();
        let bytes = workbook(&sheet_xml(&with_header(&rows), &special, &merges, |i| i + 1), &[]);
        check(&world, &format!("f{n}.xlsx"), &bytes, &faults, &good);
        total += faults.len();
        files += 1;
    }
    // A sheet whose last order stands in its last row.
    let (rows, faults, good) = planted(&world, 16, &[1, 4, 8, 10], 2);
    let last = rows.len();
    let far = |row: u64| if row == last as u64 + 1 { 1_048_576 } else { row };
    let bytes = workbook(
        &sheet_xml(&with_header(&rows), &BTreeMap::new(), &[], |i| if i == last { 1_048_576 } else { i + 1 }),
        &[],
    );
    let good: BTreeMap<u64, String> = good.into_iter().map(|(r, id)| (far(r), id)).collect();
    check(&world, "f16.xlsx", &bytes, &faults, &good);
    total += faults.len();
    files += 1;
    // Bombs: a text without end, a flood of shared strings, a flood of parts.
    let bombs: [(&str, Vec<u8>); 3] = [
        (
            "f17.xlsx",
            workbook(
                &format!(
                    r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row></sheetData></worksheet>"#,
                    "长".repeat(2 << 20)
                ),
                &[],
            ),
        ),
        (
            "f18.xlsx",
            workbook(
                "<worksheet><sheetData/></worksheet>",
                &[("xl/sharedStrings.xml", b"<si><t>a</t></si>".repeat(7 << 20))],
            ),
        ),
        ("f19.xlsx", {
            let names: Vec<String> =
                (0..limits::ZIP_ENTRIES_MAX).map(|i| format!("xl/media/{i}.bin")).collect();
            let parts: Vec<(&str, Vec<u8>)> = names.iter().map(|n| (n.as_str(), Vec::new())).collect();
            workbook("<worksheet><sheetData/></worksheet>", &parts)
        }),
    ];
    for (file, bytes) in bombs {
        assert!(bytes.len() < 4 << 20, "{file} is small before it is unpacked");
        check(
            &world,
            file,
            &bytes,
            &[Planted { row: 0, column: "", code: "P139", kept: false }],
            &BTreeMap::new(),
        );
        total += 1;
        files += 1;
    }
    assert!(files == 20 && total >= 200, "{files} files, {total} faults");
}

#[test]
fn a_fix_file_corrected_comes_in_whole() {
    let world = world();
    let (rows, faults, _) = planted(&world, 3, &[1, 4, 8, 12, 18], 2);
    let imported = world.import("a.csv", &csv(&with_header(&rows), b','));
    let fix = String::from_utf8(imported.fix_file).expect("UTF-8");
    let mut reader =
        ::csv::ReaderBuilder::new().flexible(true).from_reader(fix.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!(header.iter().skip(7).collect::<Vec<_>>(), ["原行号", "问题", "改正"]);
    let clean = world.rows(3, rows.len());
    let mut grid = vec![header.iter().map(str::to_owned).collect::<Vec<_>>()];
    let mut seen = 0;
    for record in reader.records() {
        let record = record.expect("a row");
        let row: usize = record[7].parse().expect("a number");
        let mut cells = clean[row - 2].clone();
        cells.extend(record.iter().skip(7).map(str::to_owned));
        grid.push(cells);
        seen += 1;
    }
    assert_eq!(seen, faults.len());
    let again = world.import("fix.csv", &csv(&grid, b','));
    assert_eq!((again.kept.len(), again.refused.len()), (faults.len(), 0), "{:?}", again.problems.list());
}

#[test]
fn nothing_that_is_read_panics() {
    let world = world();
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let (rows, _, _) = planted(&world, 5, &[0, 3, 9, 18], 2);
    let text = csv(&with_header(&rows), b',');
    let book =
        workbook(&sheet_xml(&with_header(&rows[..6]), &BTreeMap::new(), &["A1:B2".into()], |i| i + 1), &[]);
    for base in [text, book] {
        for _ in 0..120 {
            let mut bytes = base.clone();
            for _ in 0..1 + next() % 6 {
                let at = (next() % bytes.len() as u64) as usize;
                match next() % 3 {
                    0 => bytes[at] = (next() & 255) as u8,
                    1 => bytes.truncate(at.max(8)),
                    _ => bytes.insert(at, (next() & 255) as u8),
                }
            }
            let _ = world.import("x", &bytes);
        }
    }
}
