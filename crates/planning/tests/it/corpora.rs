//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/planning.rs"]
mod planning;

/// Runs every file of a corpus through its check.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn orders_csv() {
    replay("orders_csv", planning::orders_csv);
}

#[test]
fn orders_xlsx() {
    replay("orders_xlsx", planning::orders_xlsx);
}

#[test]
fn address() {
    replay("address", planning::address);
}
