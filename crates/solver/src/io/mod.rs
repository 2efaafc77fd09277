//! Formats: public instance files and their solutions, in and out.
//!
//! Readers collect every problem of a file, with code, row and cure, and hold only bounded memory. They know nothing
//! of the search: [`instance::Instance`] is the file in plain terms, and the checker works on that alone.

pub mod convention;
pub mod fault;
pub mod instance;
pub mod jd;
pub mod lilim;
pub mod limits;
mod number;
pub mod pose;
pub mod rich;
pub mod sol;
pub mod solomon;
mod validate;
pub mod vrplib;

use convention::Kind;
use fault::{Fault, Sink};
use instance::Instance;
use std::io::Read;
use std::path::Path;
use xiangyun_model::problem::Problems;

/// The formats that can be told apart by their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// VRPLIB or a variant.
    Vrplib,
    /// JD Logistics.
    Jd,
    /// Solomon or Homberger.
    Solomon,
    /// Li and Lim.
    LiLim,
    /// JSON: ours or VROOM's.
    Json,
}

/// Tells the format of an instance from its text.
#[must_use]
pub fn detect(text: &str) -> Option<Detected> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with(['{', '[']) {
        return Some(Detected::Json);
    }
    let head: Vec<&str> = text.lines().take(60).map(str::trim).filter(|line| !line.is_empty()).collect();
    let has = |word: &str| {
        head.iter().any(|line| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
    };
    if has("NODE_SECTION") || has("DISTANCETIME_SECTION") || has("DISPATCHINGCOST") {
        return Some(Detected::Jd);
    }
    if has("DIMENSION")
        || has("TYPE")
        || head.iter().any(|line| line.to_ascii_uppercase().contains("_SECTION"))
    {
        return Some(Detected::Vrplib);
    }
    if head.iter().skip(1).take(4).any(|line| line.eq_ignore_ascii_case("VEHICLE")) || has("CUST NO") {
        return Some(Detected::Solomon);
    }
    let numeric = |line: &&str| line.split_ascii_whitespace().all(|token| token.parse::<f64>().is_ok());
    let first = head.first().map_or(0, |line| line.split_ascii_whitespace().count());
    let second = head.get(1).map_or(0, |line| line.split_ascii_whitespace().count());
    (first == 3 && second == 9 && head.iter().take(2).all(numeric)).then_some(Detected::LiLim)
}

/// Reads a text instance of any format but JSON; `kind` overrides what the file says where that makes sense.
///
/// # Errors
/// All problems found in the text.
pub fn read_instance(text: &str, file: &str, kind: Option<Kind>) -> Result<Instance, Problems> {
    let text = text.trim_start_matches('\u{feff}');
    let instance = match detect(text) {
        Some(Detected::Vrplib) => return vrplib::read(text, file, kind),
        Some(Detected::Jd) => jd::read(text, file)?,
        Some(Detected::Solomon) => solomon::read(text, file)?,
        Some(Detected::LiLim) => lilim::read(text, file)?,
        Some(Detected::Json) | None => {
            let mut sink = Sink::new(file);
            let want = "not a format we know; VRPLIB, Solomon, Li-Lim, JD, VROOM JSON or our JSON";
            sink.push(Fault::UnknownFormat, 0, "", text.lines().next().unwrap_or(""), want);
            return sink.finish(None);
        }
    };
    match kind {
        Some(kind) if kind != instance.kind => {
            let mut sink = Sink::new(file);
            let want = format!("this format states a {}; leave --kind out", instance.kind);
            sink.push(Fault::UnknownFormat, 0, "--kind", kind.name(), want);
            sink.finish(None)
        }
        _ => Ok(instance),
    }
}

/// Reads a whole text file, at most [`limits::FILE_BYTES_MAX`].
///
/// # Errors
/// One problem: absent, too long, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Problems> {
    let name = path.display().to_string();
    let refuse = |found: &str, want: String| {
        let mut sink = Sink::new(&name);
        sink.push(Fault::Unreadable, 0, "", found, want);
        sink.finish::<String>(None)
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(err) => return refuse(&err.to_string(), "cannot be opened; the path of a readable file".into()),
    };
    let mut bytes = Vec::new();
    match file.take(limits::FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > limits::FILE_BYTES_MAX => {
            return refuse("", format!("too long; at most {} bytes", limits::FILE_BYTES_MAX));
        }
        Ok(_) => {}
        Err(err) => return refuse(&err.to_string(), "cannot be read; a readable file".into()),
    }
    String::from_utf8(bytes).or_else(|err| {
        let at = err.utf8_error().valid_up_to();
        refuse(&format!("byte {at}"), "not UTF-8 text; an instance file in UTF-8".into())
    })
}

/// A file's name without folder and extension.
#[must_use]
pub(crate) fn stem(file: &str) -> String {
    Path::new(file).file_stem().map_or_else(|| file.to_owned(), |stem| stem.to_string_lossy().into_owned())
}
