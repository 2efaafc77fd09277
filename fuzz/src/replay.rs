//! Replaying the corpus of a fuzz target in an ordinary test.

/// Runs every file of a corpus through its check; at least `fewest` are there.
pub(crate) fn replay(target: &str, fewest: usize, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|err| panic!("{}: {err}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= fewest, "{}: only {} files", folder.display(), files.len());
    for file in files {
        // Names the file that fails.
        println!("{}", file.display());
        check(&std::fs::read(&file).expect("a readable file"));
    }
}
