//! The committed county loads; every way to spoil it is named with its file, row and column.

use super::{Files, load};
use crate::orders::{self, Source};
use std::collections::HashMap;
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::order::{OrderKind, OrderRecord};
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;

fn baofeng() -> Files {
    Files::read_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
        .expect("the committed county")
}

fn county() -> County {
    load(&baofeng()).unwrap_or_else(|p| panic!("{:#?}", p.list()))
}

/// Replaces `from` by `to` once in a file of the county and gives the problems as `CODE FILE:ROW:COLUMN`.
fn spoiled(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = baofeng();
    let text = String::from_utf8(files.get(file).expect("it is there").to_vec()).expect("UTF-8");
    assert!(text.contains(from), "{from:?} is not in {file}");
    files.insert(file, text.replacen(from, to, 1).into_bytes());
    let problems = load(&files).expect_err("spoiled");
    problems.list().iter().map(|p| format!("{} {}:{}:{}", p.code, p.file, p.row, p.column)).collect()
}

#[test]
fn the_committed_county_is_whole() {
    let county = county();
    assert_eq!(county.sites_of(SiteKind::Station).count(), 13);
    assert_eq!(county.sites_of(SiteKind::Village).count(), 262);
    assert_eq!(county.sites_of(SiteKind::Gateway).count(), 2);
    assert_eq!(county.carriers.len(), 6);
    assert!(county.sites_of(SiteKind::Village).all(|v| county.site(v).parent.is_some()));
    let phase = |p: &str| county.sites_of(SiteKind::Village).filter(|&v| county.site(v).phase == p).count();
    assert_eq!((phase("2018"), phase("2019")), (164, 98));
}

#[test]
fn a_county_of_before_pays_for_kept_trips_as_ours_does() {
    let mut files = baofeng();
    let text = String::from_utf8(files.get("county.toml").expect("it is there").to_vec()).expect("UTF-8");
    let without: String =
        text.lines().filter(|l| !l.starts_with("kept_trip_fen")).flat_map(|l| [l, "\n"]).collect();
    assert!(without.len() < text.len());
    files.insert("county.toml", without.into_bytes());
    let before = load(&files).unwrap_or_else(|p| panic!("{:#?}", p.list()));
    assert_eq!(before.costs, county().costs);
}

#[test]
fn each_fault_has_its_code_and_place() {
    let cases: [(&str, &str, &str, &str); 24] = [
        ("sites.csv", "V410421100001,village", "S410421100,village", "P109 sites.csv:18:id"),
        ("sites.csv", "V410421100001,village", "V410421100001,hamlet", "P110 sites.csv:18:kind"),
        ("sites.csv", "V410421100001,village", ",village", "P105 sites.csv:18:id"),
        ("sites.csv", "V410421100001,village", "V<1>,village", "P108 sites.csv:18:id"),
        ("sites.csv", ",S410421001,", ",S999,", "P111 sites.csv:16:parent"),
        ("sites.csv", "113.05200", "313.05200", "P115 sites.csv:2:lon"),
        ("sites.csv", "113.05200", "east", "P106 sites.csv:2:lon"),
        ("sites.csv", "04:00-22:00", "22:00-04:00", "P114 sites.csv:2:hours"),
        ("sites.csv", "HUB,hub", "HUB,station", "P118 sites.csv:3:parent"),
        ("sites.csv", ",docks,", ",bays,", "P104 sites.csv:1:docks"),
        ("vehicles.csv", ",1500000,", ",-1500000,", "P107 vehicles.csv:2:payload_g"),
        ("vehicles.csv", "ambient:1500000/16500000/1800", "ambient:1500000", "P110 vehicles.csv:2:layouts"),
        ("vehicles.csv", "ambient:1500000/", "tepid:1500000/", "P112 vehicles.csv:2:layouts"),
        ("vehicles.csv", ",C1,", ",A2,", "P119 vehicles.csv:2:licence"),
        ("vehicles.csv", ",COOP,HUB", ",NOBODY,HUB", "P112 vehicles.csv:2:carrier"),
        ("drivers.csv", "06:30-17:00", "", "P116 drivers.csv:2:shift"),
        ("drivers.csv", "06:30-17:00", "17:00-06:30", "P114 drivers.csv:2:shift"),
        ("drivers.csv", ",Mon-Sun,", ",Sun-Mon,", "P113 drivers.csv:2:weekdays"),
        ("carriers.csv", "1800", "1801", "P120 carriers.csv:0:share_bp"),
        ("lines.csv", "09:02,09:06", "08:02,08:06", "P121 lines.csv:3:arrive"),
        ("inbound.csv", "05:20", "5h20", "P113 inbound.csv:2:arrives"),
        ("county.toml", "drive_max_s = 14400", "drive_max_s = \"4 h\"", "P117 county.toml:12:"),
        (
            "county.toml",
            "kept_trip_fen = 15000",
            "kept_trip_fen = -1",
            "P107 county.toml:0:costs.kept_trip_fen",
        ),
        ("county.toml", "gateway = \"G410400\"", "gateway = \"HUB\"", "P111 county.toml:0:lanes[0].gateway"),
    ];
    for (file, from, to, want) in cases {
        let found = spoiled(file, from, to);
        assert!(found.iter().any(|f| f == want), "{file} {from:?} -> {to:?}: {found:?}, want {want}");
    }
}

#[test]
fn broken_csv_is_named_by_row() {
    let found = spoiled("goods.csv", "eggs,禽蛋,eggs,", "eggs,禽蛋,");
    assert!(found.contains(&"P103 goods.csv:6:".to_owned()), "{found:?}");
    let found = spoiled("goods.csv", "frozen,冷冻食品", "frozen,\"冷冻食品");
    assert!(found.iter().any(|f| f.starts_with("P103 goods.csv:")), "{found:?}");
}

#[test]
fn wrong_encoding_is_named_by_place() {
    let mut files = baofeng();
    let (gbk, _, _) = encoding_rs::GB18030.encode("id,name_zh,min_c,max_c,cold\nambient,常温,,,no\n");
    files.insert("bands.csv", gbk.into_owned());
    let problems = load(&files).expect_err("not UTF-8");
    let first = &problems.list()[0];
    assert_eq!(
        (first.code, first.file.as_str(), first.row, first.column.as_str()),
        ("P102", "bands.csv", 2, "name_zh")
    );
}

#[test]
fn all_problems_come_at_once() {
    let mut files = baofeng();
    for (file, from, to) in [
        ("sites.csv", "113.05200", "east"),
        ("drivers.csv", "06:30-17:00", ""),
        ("vehicles.csv", ",1500000,", ",-1,"),
    ] {
        let text = String::from_utf8(files.get(file).expect("there").to_vec()).expect("UTF-8");
        files.insert(file, text.replacen(from, to, 1).into_bytes());
    }
    let problems = load(&files).expect_err("spoiled thrice");
    let codes: Vec<&str> = problems.list().iter().map(|p| p.code).collect();
    for code in ["P106", "P116", "P107"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempdir("missing");
    let problems = Files::read_dir(&dir).expect_err("empty directory");
    assert!(problems.list().iter().any(|p| p.code == "P101" && p.file == "sites.csv"));
    let _ = std::fs::remove_dir_all(dir);
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("xiangyun-county-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary directory");
    dir
}

fn good_row() -> OrderRecord {
    let text = str::to_owned;
    OrderRecord {
        id: text("773000000001"),
        kind: text("down"),
        carrier: text("STO"),
        origin: text("HUB"),
        destination: text("V410421100001"),
        class: text("parcel"),
        pieces: text("1"),
        weight_g: text("900"),
        volume_cm3: text("4000"),
        ready: text("2026-11-24T05:40"),
        promise: text("2026-11-24T20:00"),
        ..OrderRecord::default()
    }
}

fn read(bytes: &[u8], source: Source) -> (Vec<orders::OrderRow>, Problems) {
    let county = county();
    let mut problems = Problems::new();
    let rows = orders::read(
        "orders.csv",
        bytes,
        source,
        &HashMap::new(),
        &county,
        county.default_date,
        &mut problems,
    );
    (rows, problems)
}

#[test]
fn a_good_order_survives_writing_and_reading() {
    let (rows, problems) = read(&orders::write([&good_row()]), Source::Own);
    assert!(problems.is_empty(), "{:?}", problems.list());
    assert_eq!(rows[0].record, good_row());
    assert_eq!((rows[0].order.kind, rows[0].order.ready_s), (OrderKind::Down, 5 * 3600 + 2400));
}

#[test]
fn order_faults_have_codes_and_the_rest_is_kept() {
    type Spoil = fn(&mut OrderRecord);
    let cases: [(&str, &str, Spoil); 11] = [
        ("P111", "destination", |o| o.destination = "V0".into()),
        ("P112", "carrier", |o| o.carrier = "NONE".into()),
        ("P107", "weight_g", |o| o.weight_g = "-5".into()),
        ("P106", "pieces", |o| o.pieces = "many".into()),
        ("P107", "pieces", |o| o.pieces = "0".into()),
        ("P113", "ready", |o| o.ready = "yesterday".into()),
        ("P124", "promise", |o| o.promise = "2026-11-23T05:00".into()),
        ("P114", "window", |o| o.window = "12:00-09:00".into()),
        ("P122", "destination", |o| o.destination = "HUB".into()),
        ("P122", "destination", |o| o.kind = "up".into()),
        ("P108", "id", |o| o.id = "a/b".into()),
    ];
    for (code, column, spoil) in cases {
        let mut bad = OrderRecord { id: "773000000002".into(), ..good_row() };
        spoil(&mut bad);
        let (rows, problems) = read(&orders::write([&good_row(), &bad]), Source::Own);
        let first = problems.list().first().unwrap_or_else(|| panic!("{code} {column} was not found"));
        assert_eq!((first.code, first.row, first.column.as_str()), (code, 3, column), "{first}");
        assert_eq!(rows.len(), 1, "the good row is kept");
    }
    let (_, problems) = read(&orders::write([&good_row(), &good_row()]), Source::Own);
    assert_eq!((problems.list()[0].code, problems.list()[0].row), ("P109", 3));
}

#[test]
fn imports_take_gb18030_and_own_files_do_not() {
    let mut record = good_row();
    record.id = "运单1".into();
    let text = String::from_utf8(orders::write([&record])).expect("UTF-8");
    let (gbk, _, _) = encoding_rs::GB18030.encode(&text);
    let (rows, problems) = read(&gbk, Source::Import);
    assert!(problems.is_empty());
    assert_eq!(rows[0].order.id.as_str(), "运单1");
    let (rows, problems) = read(&gbk, Source::Own);
    assert!(rows.is_empty());
    assert_eq!(problems.list()[0].code, "P102");
}

#[test]
fn a_broken_workbook_is_a_problem_not_a_panic() {
    let (rows, problems) = read(b"PK\x03\x04 and then nothing", Source::Import);
    assert!(rows.is_empty());
    assert_eq!(problems.list()[0].code, "P126");
}
