//! The files of a county directory as bytes, from a directory or from the inputs kept in a plan directory.

use super::table::TABLE_BYTES_MAX;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use xiangyun_model::problem::{Problem, Problems};

/// Tables and settings of a county, in the order in which they are read.
pub const COUNTY_FILES: [&str; 12] = [
    "county.toml",
    "sites.csv",
    "bands.csv",
    "goods.csv",
    "carriers.csv",
    "vehicles.csv",
    "drivers.csv",
    "lines.csv",
    "inbound.csv",
    "calendar.csv",
    "stock.csv",
    "corridors.csv",
];

/// Files that a county may do without.
const OPTIONAL: [&str; 4] = ["lines.csv", "calendar.csv", "stock.csv", "corridors.csv"];

/// The files of a county by name.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Reads the county's tables from a directory. A file may be stored gzipped as `NAME.gz`.
    ///
    /// # Errors
    /// `P100` for each file that cannot be read, `P101` for each that is missing.
    pub fn read_dir(dir: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut files = Self::default();
        for name in COUNTY_FILES {
            match read_plain_or_gz(dir, name) {
                Ok(Some(bytes)) => files.insert(name, bytes),
                Ok(None) if OPTIONAL.contains(&name) => {}
                Ok(None) => problems.push(Problem {
                    code: "P101",
                    file: name.into(),
                    row: 0,
                    column: String::new(),
                    found: dir.display().to_string(),
                    want: "the file is missing in this directory; a county needs it".into(),
                }),
                Err(err) => problems.push(Problem {
                    code: "P100",
                    file: name.into(),
                    row: 0,
                    column: String::new(),
                    found: String::new(),
                    want: format!("the file cannot be read: {err}"),
                }),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(problems) }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), bytes);
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// All files in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

/// Reads `dir/name`, or `dir/name.gz` decompressed; `None` when neither exists.
///
/// # Errors
/// What the file system or the decompression says; a file larger than the limit is an error too.
pub fn read_plain_or_gz(dir: &Path, name: &str) -> std::io::Result<Option<Vec<u8>>> {
    let limit = TABLE_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    match std::fs::File::open(dir.join(name)) {
        Ok(file) => {
            file.take(limit).read_to_end(&mut bytes)?;
            return Ok(Some(bytes));
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    match std::fs::File::open(dir.join(format!("{name}.gz"))) {
        Ok(file) => {
            flate2::read::GzDecoder::new(std::io::BufReader::new(file))
                .take(limit)
                .read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}
