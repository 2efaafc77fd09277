//! Files of the daemon's own: written whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file beside its place, syncs it, and moves it there.
///
/// # Errors
/// What the file system says; the place holds the former file then, or none.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let half = dir.join(format!(".half-{}", crate::auth::secret::random_id()));
    let written = (|| {
        let mut file = File::create(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&half, path)?;
        File::open(dir)?.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&half);
    }
    written
}

/// Appends lines to a file and syncs it.
///
/// # Errors
/// What the file system says.
pub fn append_line(path: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    let mut whole = line.to_vec();
    whole.push(b'\n');
    file.write_all(&whole)?;
    file.sync_data()
}
