//! The line tools: captured frames and app reports in, JSON out, and back. One line in, one line out, whatever it holds.

mod apps;
mod jt808;
mod jt809;

use crate::fault::Fault;
use crate::jt808::Edition;
use crate::jt809::Cipher;
use crate::limits::LINE_MAX_BYTES;
use serde_json::{Value, json};

pub use apps::{
    decode_msgpack, decode_osmand, decode_owntracks, encode_msgpack, encode_osmand, encode_owntracks,
    report_json,
};
pub use jt808::{decode_jt808, encode_jt808};
pub use jt809::{decode_jt809, encode_jt809};

/// Which protocol the lines are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JT/T 808 frames in hex.
    Jt808,
    /// JT/T 809 messages in hex.
    Jt809,
    /// OsmAnd requests as JSON `{"uri"}` or `{"body"}`.
    Osmand,
    /// OwnTracks messages as JSON `{"body","topic"?}`.
    Owntracks,
    /// MessagePack batches in hex.
    Msgpack,
}

impl Protocol {
    /// The name in output and options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jt808 => "jt808",
            Self::Jt809 => "jt809",
            Self::Osmand => "osmand",
            Self::Owntracks => "owntracks",
            Self::Msgpack => "msgpack",
        }
    }

    /// The protocol of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Jt808, Self::Jt809, Self::Osmand, Self::Owntracks, Self::Msgpack]
            .into_iter()
            .find(|protocol| protocol.as_str() == name)
    }
}

/// What is known of the lines beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The protocol; told from each line when absent.
    pub protocol: Option<Protocol>,
    /// The edition; told from each frame when absent.
    pub edition: Option<Edition>,
    /// Constants of the JT/T 809 encryption, when the link has them.
    pub cipher: Option<Cipher>,
}

/// Decodes one line into one JSON object. Whatever the line holds, there is an answer.
///
/// ```
/// use xiangyun_telematics::lines::{Options, decode_line};
/// let heartbeat = decode_line("7e00020000040021679287002b7d027e", &Options::default());
/// assert_eq!(heartbeat["messages"][0]["phone_bcd"], "040021679287");
/// let junk = decode_line("hello", &Options::default());
/// assert_eq!(junk["error"]["code"], "T301");
/// ```
#[must_use]
pub fn decode_line(line: &str, options: &Options) -> Value {
    if line.len() > LINE_MAX_BYTES {
        return refusal(&Fault::TooLong { limit: LINE_MAX_BYTES });
    }
    match options.protocol.unwrap_or_else(|| guess(line)) {
        Protocol::Jt808 => decode_jt808(line, options.edition),
        Protocol::Jt809 => decode_jt809(line, options.edition, options.cipher.as_ref()),
        Protocol::Osmand => decode_osmand(line),
        Protocol::Owntracks => decode_owntracks(line),
        Protocol::Msgpack => decode_msgpack(line),
    }
}

/// Turns a line that [`decode_line`] wrote, or one message of it, back into a line of its protocol.
///
/// # Errors
/// [`Fault`] says what is missing or wrong.
pub fn encode_line(line: &str, options: &Options) -> Result<String, Fault> {
    if line.len() > LINE_MAX_BYTES {
        return Err(Fault::TooLong { limit: LINE_MAX_BYTES });
    }
    let value: Value = serde_json::from_str(line)
        .map_err(|error| Fault::Json { what: error.to_string(), at: error.column() })?;
    let named = value.get("protocol").and_then(Value::as_str).and_then(Protocol::parse);
    match options.protocol.or(named).unwrap_or(Protocol::Jt808) {
        Protocol::Jt808 => encode_jt808(&value, options.edition),
        Protocol::Jt809 => encode_jt809(&value, options.edition, options.cipher.as_ref()),
        Protocol::Osmand => encode_osmand(&value),
        Protocol::Owntracks => encode_owntracks(&value),
        Protocol::Msgpack => encode_msgpack(&value),
    }
}

/// The protocol that a line looks like. JT/T 808 when nothing tells.
fn guess(line: &str) -> Protocol {
    let line = line.trim_start();
    if line.starts_with('{') {
        let owntracks = line.contains("_type") || line.contains("\"topic\"");
        return if owntracks { Protocol::Owntracks } else { Protocol::Osmand };
    }
    match line.get(..2) {
        Some(start) if start.eq_ignore_ascii_case("5b") => Protocol::Jt809,
        Some(start) if start.starts_with('9') || start.eq_ignore_ascii_case("dc") => Protocol::Msgpack,
        _ => Protocol::Jt808,
    }
}

/// The JSON of a line that could not be decoded.
pub(crate) fn refusal(fault: &Fault) -> Value {
    json!({"ok": false, "error": {"code": fault.code(), "what": fault.to_string(), "at": fault.at()}})
}
