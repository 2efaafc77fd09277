use super::*;
use crate::county::load_dir;
use std::path::Path;

fn county() -> County {
    load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
        .expect("the committed county")
}

fn resolver() -> Resolver {
    let county = county();
    let mut problems = xiangyun_model::problem::Problems::new();
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng/places.csv"))
        .expect("committed");
    let places = Places::read("places.csv", &bytes, &county, &mut problems);
    assert!(problems.is_empty(), "{:?}", problems.list());
    Resolver::new(&county, &places, Corrections::default(), Agreed::default())
}

fn ask(resolver: &Resolver, text: &str) -> (Option<String>, Why) {
    let answer = resolver.resolve(&Query { text, ..Query::default() });
    (answer.placed.map(|s| resolver.county.site(s).id.to_string()), answer.why)
}

#[test]
fn clean_short_garbled_traditional_and_pinyin_forms() {
    let r = resolver();
    for (text, want) in [
        ("河南省平顶山市宝丰县周庄镇丁楼村3组12号", "V410421101204"),
        ("宝丰县周庄镇丁楼", "V410421101204"),
        ("周庄丁楼村", "V410421101204"),
        ("宝丰县周庄镇丁娄村", "V410421101204"),
        ("宝丰县周庄镇丁搂村", "V410421101204"),
        ("寶豐縣周莊鎮丁樓村", "V410421101204"),
        ("Zhouzhuang Zhen Dinglou Cun", "V410421101204"),
        ("宝丰县闹店镇杨庄村", "V410421102219"),
        ("宝丰县前营乡杨庄村", "V410421202211"),
        ("宝丰县李庄乡杨庄村", "V410421203201"),
        ("宝丰县李庄乡李庄村", "V410421203202"),
        ("宝丰县周庄镇周庄村", "V410421101201"),
        ("宝丰县闹店镇大张庄村村委会隔壁", "V410421102220"),
        ("周庄乡丁楼大队", "V410421101204"),
        ("宝丰县大营镇卫生院", "S410421105"),
        ("观音堂乡马堂村", "V410421105242"),
    ] {
        assert_eq!(ask(&r, text).0.as_deref(), Some(want), "{text}");
    }
}

#[test]
fn what_is_not_clear_goes_to_the_sorter() {
    let r = resolver();
    for (text, why) in [
        ("宝丰县杨庄村", Why::Several),
        ("宝丰县李庄村12号", Why::Several),
        ("宝丰县大营镇", Why::TownOnly),
        ("郏县冢头镇李庄村", Why::Elsewhere),
        ("", Why::Unknown),
    ] {
        let (placed, found) = ask(&r, text);
        assert_eq!((placed, found), (None, why), "{text}");
    }
    assert_eq!(ask(&r, "宝丰县大营镇丁楼村").0, None);
}

#[test]
fn a_correction_is_learned_and_two_that_disagree_are_not() {
    let mut r = resolver();
    let text = "宝丰县大营镇老君庙旁小卖部8号";
    assert_eq!(ask(&r, text).0, None);
    let (a, b) = (
        r.county.find_site("V410421105201").expect("known"),
        r.county.find_site("V410421105208").expect("known"),
    );
    r.learn(text, a);
    assert_eq!(
        ask(&r, "河南省平顶山市宝丰县大营镇老君庙旁小卖部15号"),
        (Some("V410421105201".into()), Why::Learned)
    );
    r.learn(text, b);
    assert_eq!(ask(&r, text).0, None);
}

#[test]
fn an_agreed_place_wins_where_the_address_is_vague_and_warns_where_it_contradicts() {
    let county = county();
    let site = county.find_site("V410421102219").expect("known");
    let mut agreed = Agreed::default();
    agreed.agree("张三|13800000000", site);
    let r = Resolver::new(&county, &Places::default(), Corrections::default(), agreed);
    let ask = |text| r.resolve(&Query { text, recipient: "张三|13800000000", ..Query::default() });
    assert_eq!((ask("宝丰县杨庄村").placed, ask("宝丰县杨庄村").why), (Some(site), Why::Agreed));
    assert_eq!((ask("宝丰县周庄镇丁楼村").placed, ask("宝丰县周庄镇丁楼村").why), (None, Why::Contradiction));
}

#[test]
fn corrections_are_kept_once_and_without_what_names_a_person() {
    let county = county();
    let placed = [
        ("河南省平顶山市宝丰县李庄村王大爷家12号", "V410421203202"),
        ("宝丰县李庄村王大爷家9号", "V410421203202"),
        ("", "V410421203202"),
    ];
    let table = with_corrections(b"", placed.into_iter(), &county).expect("something new");
    let text = String::from_utf8(table.clone()).expect("utf-8");
    assert_eq!(text.lines().count(), 2, "the same place said twice is one line: {text}");
    assert!(!text.contains("12号"), "house numbers are not kept: {text}");
    assert_eq!(with_corrections(&table, placed.into_iter(), &county), None);
    let mut problems = xiangyun_model::problem::Problems::new();
    let read = Corrections::read("corrections.csv", &table, &county, &mut problems);
    assert!(problems.is_empty());
    let known = county.find_site("V410421203202");
    assert_eq!(read.find(&key("宝丰县李庄村王大爷家7号", &county)), Some(known));
    // A table whose last line is not ended is not glued to the new one.
    let table =
        with_corrections("address,site\n\"杨庄村\",V410421102219".as_bytes(), placed.into_iter(), &county);
    assert_eq!(String::from_utf8(table.expect("new")).expect("utf-8").lines().count(), 3);
}
