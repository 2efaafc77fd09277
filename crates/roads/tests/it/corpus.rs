//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/roads.rs"]
mod roads;

/// Runs every file of a corpus through its check.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for file in files {
        let path = file.expect("a directory entry").path();
        println!("{}", path.display());
        check(&std::fs::read(path).expect("a readable file"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn osm_pbf() {
    replay("osm_pbf", roads::osm_pbf);
}

#[test]
fn osm_tags() {
    replay("osm_tags", roads::osm_tags);
}

#[test]
fn roads_file() {
    replay("roads_file", roads::roads_file);
}
