//! The facts of sealed segments where no daemon keeps an event log: a file of JSON lines beside the segments.

use crate::segments::{PositionsSealed, Sink};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

/// Name of the file in the log's folder.
pub const FACTS: &str = "sealed.jsonl";

/// Appends each fact once, durably.
pub struct FactFile {
    file: File,
    known: BTreeSet<u64>,
}

impl FactFile {
    /// Opens the file of a folder.
    ///
    /// # Errors
    /// What the file system says. A torn last line is left as it is and written again.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(dir.join(FACTS))?;
        let mut known = BTreeSet::new();
        let mut whole = true;
        for line in BufReader::new(File::open(dir.join(FACTS))?).lines() {
            match serde_json::from_str::<PositionsSealed>(&line?) {
                Ok(fact) => {
                    known.insert(fact.first_seq);
                }
                Err(_) => whole = false,
            }
        }
        if !whole {
            file.write_all(b"\n")?;
        }
        Ok(Self { file, known })
    }
}

impl Sink for FactFile {
    fn sealed(&mut self, fact: &PositionsSealed) {
        if self.known.contains(&fact.first_seq) {
            return;
        }
        let Ok(mut line) = serde_json::to_vec(fact) else { return };
        line.push(b'\n');
        // One that cannot be written now is told again at the next opening.
        if self.file.write_all(&line).and_then(|()| self.file.sync_data()).is_ok() {
            self.known.insert(fact.first_seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_once_and_a_torn_line_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let fact = |seq| PositionsSealed {
            segment: format!("positions-{seq}.seg"),
            first_seq: seq,
            count: 5,
            first_time_ms: 1,
            last_time_ms: 2,
            hash: "ab".into(),
            previous_hash: "00".into(),
        };
        let mut facts = FactFile::open(dir.path()).unwrap();
        facts.sealed(&fact(1));
        facts.sealed(&fact(1));
        drop(facts);
        let path = dir.path().join(FACTS);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"segm").unwrap();
        let mut facts = FactFile::open(dir.path()).unwrap();
        facts.sealed(&fact(1));
        facts.sealed(&fact(6));
        let text = std::fs::read_to_string(path).unwrap();
        let good = text.lines().filter(|l| serde_json::from_str::<PositionsSealed>(l).is_ok()).count();
        assert_eq!(good, 2, "{text}");
    }
}
