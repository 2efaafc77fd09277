//! Rich problems in JSON: our own format, version 1, and VROOM's; one model for both.

pub mod model;
pub mod pose;
pub mod solution;
mod validate;
pub mod value;
pub mod vroom;
pub mod vroom_out;

use super::fault::{Fault, Sink};
use model::Rich;
use serde::de::DeserializeOwned;
pub use validate::{GOODS_MAX, SKILLS_MAX};
use xiangyun_model::problem::Problems;

/// A rich problem with what is needed to answer in the asker's format.
#[derive(Clone, Debug)]
pub struct RichFile {
    /// The problem.
    pub rich: Rich,
    /// Present if the file was VROOM's: ids and units for the answer.
    pub vroom: Option<vroom::Names>,
}

/// Reads our JSON or VROOM's, told apart by the field `format`.
///
/// # Errors
/// All problems found; of a text that is not JSON of the right shape, the first.
pub fn read(text: &str, file: &str) -> Result<RichFile, Problems> {
    let mut sink = Sink::new(file);
    let text = text.trim_start_matches('\u{feff}');
    let Some(head) = parse::<Head>(&mut sink, text) else { return sink.finish(None) };
    let read = if head.format.is_some() {
        let Some(rich) = parse::<Rich>(&mut sink, text) else { return sink.finish(None) };
        RichFile { rich, vroom: None }
    } else {
        let Some(input) = parse::<vroom::Input>(&mut sink, text) else { return sink.finish(None) };
        let (rich, names) = vroom::convert(&mut sink, input, super::stem(file));
        RichFile { rich, vroom: Some(names) }
    };
    if sink.is_empty() {
        validate::validate(&mut sink, &read.rich);
    }
    sink.finish(Some(read))
}

/// What tells the formats apart.
#[derive(serde::Deserialize)]
struct Head {
    format: Option<serde::de::IgnoredAny>,
}

/// Parses JSON, with a problem that names row and path.
pub(super) fn parse<T: DeserializeOwned>(sink: &mut Sink, text: &str) -> Option<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut reader);
    match parsed {
        Ok(value) => match reader.end() {
            Ok(()) => Some(value),
            Err(err) => {
                sink.push(Fault::Json, err.line() as u64, "", "", format!("text after the document: {err}"));
                None
            }
        },
        Err(err) => {
            let path = err.path().to_string();
            let inner = err.into_inner();
            let text = inner.to_string();
            let fault = if text.starts_with(value::TOO_MANY) { Fault::TooMany } else { Fault::Json };
            sink.push(fault, inner.line() as u64, if path == "." { "" } else { &path }, "", text);
            None
        }
    }
}

/// The JSON schema of our format, as committed in `schema/vrp.schema.json`.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Rich);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
