//! GBK text as terminals send it: padded, cut, sometimes not GBK at all, so the bytes are kept beside the meaning.

use crate::fault::BodyFault;
use crate::jt808::Edition;
use crate::wire::{Reader, Wire, from_hex, to_hex};
use encoding_rs::{GB18030, UTF_8};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A text field: the bytes as sent, padding included. Equality is of the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(pub Vec<u8>);

impl Text {
    /// The GBK bytes of a text (four-byte GB 18030 sequences for the few characters outside of GBK).
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(GB18030.encode(text).0.into_owned())
    }

    /// The bytes without the NUL padding on either side.
    #[must_use]
    pub fn trimmed(&self) -> &[u8] {
        let start = self.0.iter().position(|byte| *byte != 0).unwrap_or(self.0.len());
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(start, |last| last + 1);
        &self.0[start..end]
    }

    /// The text, if the bytes are GBK: those and only those that [`Text::new`] would write for it.
    #[must_use]
    pub fn as_gbk(&self) -> Option<Cow<'_, str>> {
        let bytes = self.trimmed();
        let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
        // Decoders take a few bytes that no encoder writes, such as a bare 0x80.
        (text.is_ascii() || GB18030.encode(&text).0 == bytes).then_some(text)
    }

    /// The text by the best guess: UTF-8 when the bytes are UTF-8 beyond ASCII (some terminals are set so), else
    /// GBK, with replacement characters where neither fits. Surrounding blanks are taken off.
    #[must_use]
    pub fn lenient(&self) -> String {
        let bytes = self.trimmed();
        // A GBK text of two or more Chinese characters is valid UTF-8 only by rare accident; one that is valid
        // UTF-8 with a character beyond Latin is taken as such.
        let text = match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) if text.is_ascii() || text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c)) => {
                text
            }
            _ => GB18030.decode_without_bom_handling(bytes).0,
        };
        text.trim().to_owned()
    }

    /// Appends the bytes cut or padded with NUL to `width`.
    pub(crate) fn write_fixed(&self, out: &mut Vec<u8>, width: usize) {
        let bytes = &self.0[..self.0.len().min(width)];
        out.extend_from_slice(bytes);
        out.resize(out.len() + width - bytes.len(), 0);
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// JSON: the text without padding, or `{"undecodable_gbk": hex}`.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_gbk() {
            Some(text) => serializer.serialize_str(&text),
            None => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("undecodable_gbk", &to_hex(&self.0))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Bytes { undecodable_gbk: String },
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self::new(&text)),
            Form::Bytes { undecodable_gbk } => {
                from_hex(&undecodable_gbk).map(Self).map_err(serde::de::Error::custom)
            }
        }
    }
}

/// Text to the end of the body.
impl<'a> Wire<'a> for Text {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        Ok(Self(reader.take_rest().to_vec()))
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        out.extend_from_slice(&self.0);
    }
}

/// Text of a fixed width, padded with NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fixed<const N: usize>(pub Text);

impl<'a, const N: usize> Wire<'a> for Fixed<N> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        reader.take(N).map(|bytes| Self(Text(bytes.to_vec())))
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        self.0.write_fixed(out, N);
    }
}

impl<const N: usize> From<&str> for Fixed<N> {
    fn from(text: &str) -> Self {
        Self(Text::new(text))
    }
}

/// Text with its length in bytes before it, `N` bytes wide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Measured<const N: usize>(pub Text);

impl<'a, const N: usize> Wire<'a> for Measured<N> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        let length = reader.array::<N>()?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        reader.take(length).map(|bytes| Self(Text(bytes.to_vec())))
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        let length = self.0.0.len().min((1_usize << (8 * N)) - 1);
        out.extend_from_slice(&length.to_be_bytes()[size_of::<usize>() - N..]);
        out.extend_from_slice(&self.0.0[..length]);
    }
}

impl<const N: usize> From<&str> for Measured<N> {
    fn from(text: &str) -> Self {
        Self(Text::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_both_ways() {
        let plate = Text::new("测A888888");
        assert_eq!(to_hex(&plate.0), "b2e241383838383838");
        assert_eq!(plate.as_gbk().unwrap(), "测A888888");
    }

    #[test]
    fn padding_is_kept_but_not_shown() {
        let text = Text(b"\0CHI123\0".to_vec());
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"CHI123\"");
        let mut out = Vec::new();
        text.write_fixed(&mut out, 8);
        assert_eq!(out, text.0);
    }

    #[test]
    fn what_is_not_gbk_stays_bytes() {
        let text = Text(vec![0x3B, 0xFF, 0x48]);
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(json, r#"{"undecodable_gbk":"3bff48"}"#);
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }

    #[test]
    fn a_plate_in_utf8_is_still_read() {
        assert_eq!(Text("豫D12345 ".as_bytes().to_vec()).lenient(), "豫D12345");
        assert_eq!(Text::new("豫D12345").lenient(), "豫D12345");
    }
}
