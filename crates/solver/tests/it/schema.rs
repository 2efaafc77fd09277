//! The committed JSON schema is the one that the types give.

use xiangyun_solver::io::rich;

#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/vrp.schema.json");
    let text = rich::schema();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).expect("a writable folder");
    }
    let committed = std::fs::read_to_string(path).expect("schema/vrp.schema.json is committed");
    assert_eq!(committed, text, "run the test with UPDATE=1");
}
