//! The line tools: captured frames and app reports in, JSON out, and back. One line in, one line out, whatever it holds.

mod jt808;
mod jt809;

use crate::fault::Fault;
use crate::jt808::Edition;
use serde_json::{Value, json};

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
}

/// The JSON of a line that could not be decoded.
pub(crate) fn refusal(fault: &Fault) -> Value {
    json!({"ok": false, "error": {"code": fault.code(), "what": fault.to_string(), "at": fault.at()}})
}
