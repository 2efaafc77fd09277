//! What can be wrong with bytes from outside, each with a stable code.

use thiserror::Error;

/// A fault of framing, checksum, header or form. A fault inside a body is a [`BodyFault`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// T301: the line is not hexadecimal text.
    #[error("not a hexadecimal line: {found:?} at character {at}")]
    Hex {
        /// The offending character.
        found: char,
        /// Its place, counted in characters from 0.
        at: usize,
    },
    /// T302: no complete frame between delimiters.
    #[error("no complete frame between delimiters")]
    Framing {
        /// Bytes looked at.
        at: usize,
    },
    /// T303: an escape byte is followed by something that no escape pair has.
    #[error("broken escape pair: {found:#04x} after the escape byte")]
    Escape {
        /// The byte after the escape byte.
        found: u8,
        /// Its place in the frame as it travelled.
        at: usize,
    },
    /// T304: the checksum does not agree.
    #[error("checksum is {found:#04x}, the bytes give {want:#04x}")]
    Checksum {
        /// What the bytes give.
        want: u8,
        /// What the frame says.
        found: u8,
        /// Place of the checksum in the unescaped frame.
        at: usize,
    },
    /// T305: shorter than its header.
    #[error("{found} bytes are too few for a header of {want}")]
    Header {
        /// Bytes that the header needs.
        want: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// T306: longer than the protocol allows.
    #[error("more than {limit} bytes without an end")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// T307: the CRC of a JT/T 809 message does not agree.
    #[error("CRC is {found:#06x}, the bytes give {want:#06x}")]
    Crc {
        /// What the bytes give.
        want: u16,
        /// What the message says.
        found: u16,
        /// Place of the CRC in the unescaped message.
        at: usize,
    },
    /// T308: not the JSON that this feed speaks.
    #[error("{what}")]
    Json {
        /// What is wrong.
        what: String,
        /// Column in the text, where known.
        at: usize,
    },
    /// T309: an app report names no device.
    #[error("no device id: `id`, `deviceid` or `device_id` must be given")]
    NoDevice,
    /// T310: a value of an app report cannot be read.
    #[error("{key} is {found:?}: {want}")]
    Value {
        /// Name of the value.
        key: &'static str,
        /// What was found.
        found: String,
        /// What would be right.
        want: &'static str,
    },
    /// T311: not a MessagePack batch of ours.
    #[error("not a batch: {what}")]
    Batch {
        /// What is wrong.
        what: std::borrow::Cow<'static, str>,
        /// Byte where it was found.
        at: usize,
    },
    /// T312: a batch claims more than the bounds allow.
    #[error("the batch claims {found} {what}; at most {limit} are read")]
    BatchBound {
        /// What there is too much of.
        what: &'static str,
        /// What was claimed.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// T313: a message of OwnTracks that carries nothing for a tracker (its `_type` is named).
    #[error("message of type {kind:?} carries no report")]
    NotAReport {
        /// The `_type`.
        kind: String,
    },
    /// T314: the encryption constants of a JT/T 809 link are unusable.
    #[error("M1 must not be 0")]
    ZeroModulus,
    /// T315: a message is too long to be sent in the parts that the protocol allows.
    #[error("{found} bytes do not fit in {limit} parts")]
    TooManyParts {
        /// Bytes of the body.
        found: usize,
        /// Most parts.
        limit: usize,
    },
    /// T316: a message description given to `encode` cannot be turned into bytes.
    #[error("{what}")]
    Description {
        /// What is wrong.
        what: String,
    },
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Hex { .. } => "T301",
            Self::Framing { .. } => "T302",
            Self::Escape { .. } => "T303",
            Self::Checksum { .. } => "T304",
            Self::Header { .. } => "T305",
            Self::TooLong { .. } => "T306",
            Self::Crc { .. } => "T307",
            Self::Json { .. } => "T308",
            Self::NoDevice => "T309",
            Self::Value { .. } => "T310",
            Self::Batch { .. } => "T311",
            Self::BatchBound { .. } => "T312",
            Self::NotAReport { .. } => "T313",
            Self::ZeroModulus => "T314",
            Self::TooManyParts { .. } => "T315",
            Self::Description { .. } => "T316",
        }
    }

    /// Where it was found: a byte, character or column, as the variant says; 0 when the whole is meant.
    #[must_use]
    pub fn at(&self) -> usize {
        match self {
            Self::Hex { at, .. }
            | Self::Framing { at }
            | Self::Escape { at, .. }
            | Self::Checksum { at, .. }
            | Self::Crc { at, .. }
            | Self::Json { at, .. }
            | Self::Batch { at, .. } => *at,
            Self::Header { found, .. } => *found,
            Self::TooLong { limit } => *limit,
            _ => 0,
        }
    }
}

/// A fault inside a message body: the message is kept with its header and its bytes, the link goes on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BodyFault {
    /// The body ends before its fields do.
    #[error("short")]
    Short,
    /// The body is encrypted and this crate has no key for it.
    #[error("encrypted")]
    Encrypted,
    /// A field has a value for which the standard gives no layout.
    #[error("unknown layout")]
    Layout,
}
