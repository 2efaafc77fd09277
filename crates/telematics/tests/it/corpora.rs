//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/telematics.rs"]
mod telematics;

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
fn jt808_frame() {
    replay("jt808_frame", telematics::jt808_frame);
}

#[test]
fn jt808_message() {
    replay("jt808_message", telematics::jt808_message);
}

#[test]
fn jt809() {
    replay("jt809", telematics::jt809);
}

#[test]
fn feeds() {
    replay("feeds", telematics::feeds);
}

#[test]
fn session() {
    replay("session", telematics::session);
}
