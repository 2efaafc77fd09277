//! Message headers of the three editions.

use crate::fault::Fault;
use crate::limits::BODY_MAX_BYTES;
use crate::position::TerminalKey;
use crate::wire::to_hex;
use serde::{Deserialize, Serialize};

/// Edition of the standard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Edition {
    /// JT/T 808-2011.
    #[serde(rename = "2011")]
    V2011,
    /// JT/T 808-2013; its frames cannot be told from those of 2011 by their header.
    #[default]
    #[serde(rename = "2013")]
    V2013,
    /// JT/T 808-2019.
    #[serde(rename = "2019")]
    V2019,
}

impl Edition {
    /// The year as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2011 => "2011",
            Self::V2013 => "2013",
            Self::V2019 => "2019",
        }
    }

    /// The edition of a year.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V2011, Self::V2013, Self::V2019].into_iter().find(|edition| edition.as_str() == text)
    }
}

/// Body attributes: length, encryption, split flag, version flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub u16);

impl Attributes {
    const SPLIT: u16 = 1 << 13;
    const VERSIONED: u16 = 1 << 14;

    /// Declared length of the body in bytes.
    #[must_use]
    pub const fn body_len(self) -> usize {
        (self.0 & 0x3FF) as usize
    }

    /// Encryption bits: 0 none, 1 RSA.
    #[must_use]
    pub const fn encrypt(self) -> u8 {
        ((self.0 >> 10) & 7) as u8
    }

    /// Whether packet items follow.
    #[must_use]
    pub const fn split(self) -> bool {
        self.0 & Self::SPLIT != 0
    }

    /// Whether the header is that of the 2019 edition.
    #[must_use]
    pub const fn versioned(self) -> bool {
        self.0 & Self::VERSIONED != 0
    }
}

/// The terminal's phone number as it travels: 6 or 10 bytes, usually packed decimal digits. Kept to be echoed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Phone {
    bytes: [u8; 10],
    len: u8,
}

impl Phone {
    /// The six-byte form of the 2011 and 2013 editions.
    #[must_use]
    pub const fn short(bytes: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = bytes;
        Self { bytes: [a, b, c, d, e, f, 0, 0, 0, 0], len: 6 }
    }

    /// The ten-byte form of the 2019 edition.
    #[must_use]
    pub const fn long(bytes: [u8; 10]) -> Self {
        Self { bytes, len: 10 }
    }

    /// Digits, decimal or hex, padded left with zeros to the width of the edition; nothing if they do not fit or
    /// are not digits.
    #[must_use]
    pub fn parse(digits: &str, edition: Edition) -> Option<Self> {
        let len = if edition == Edition::V2019 { 10 } else { 6 };
        let digits = digits.as_bytes();
        if digits.len() > 2 * len {
            return None;
        }
        let mut bytes = [0; 10];
        for (place, digit) in digits.iter().rev().enumerate() {
            let value = char::from(*digit).to_digit(16)? as u8;
            bytes[len - 1 - place / 2] |= value << (4 * (place % 2));
        }
        Some(Self { bytes, len: len as u8 })
    }

    /// The bytes as they travel.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The digits with their zeros, lower-case hex where they are not decimal.
    #[must_use]
    pub fn digits(&self) -> String {
        to_hex(self.bytes())
    }

    /// Whether all digits are decimal. Some terminals send a 48-bit number instead.
    #[must_use]
    pub fn is_decimal(&self) -> bool {
        self.bytes().iter().all(|byte| byte >> 4 < 10 && byte & 15 < 10)
    }

    /// What the terminal is known by: the digits without leading zeros, whatever the edition.
    #[must_use]
    pub fn key(&self) -> TerminalKey {
        TerminalKey::new(&self.digits())
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digits())
    }
}

/// Place of a part in a split message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Number of parts.
    pub total: u16,
    /// This part, from 1.
    pub number: u16,
}

/// A message header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message id.
    pub id: u16,
    /// Body attributes as sent.
    pub attributes: Attributes,
    /// Protocol version byte, in the 2019 edition only.
    pub version: Option<u8>,
    /// Terminal phone.
    pub phone: Phone,
    /// Sequence number; wraps at 65535.
    pub sequence: u16,
    /// Place in a split message, when the split bit is set.
    pub packet: Option<Packet>,
}

impl Header {
    /// A header of a whole, unencrypted message; the length is set when it is written.
    #[must_use]
    pub fn new(id: u16, phone: Phone, sequence: u16) -> Self {
        let versioned = phone.len == 10;
        Self {
            id,
            attributes: Attributes(if versioned { Attributes::VERSIONED } else { 0 }),
            version: versioned.then_some(1),
            phone,
            sequence,
            packet: None,
        }
    }

    /// A header for an answer to this one: same edition, same raw id bytes.
    #[must_use]
    pub fn answer(&self, id: u16, sequence: u16) -> Self {
        Self { version: self.version, ..Self::new(id, self.phone, sequence) }
    }

    /// Reads the header at the front of a frame's content and gives the body after it. The body is what is there,
    /// whatever the header declares: compare with [`Header::length_agrees`].
    ///
    /// # Errors
    /// [`Fault::Header`] when the content ends early.
    #[inline]
    pub fn read(content: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let short = |want: usize| Fault::Header { want, found: content.len() };
        let [id0, id1, at0, at1, rest @ ..] = content else { return Err(short(12)) };
        let attributes = Attributes(u16::from_be_bytes([*at0, *at1]));
        let (version, phone, rest) = if attributes.versioned() {
            let (version, rest) = rest.split_first().ok_or_else(|| short(17))?;
            let (phone, rest) = rest.split_first_chunk::<10>().ok_or_else(|| short(17))?;
            (Some(*version), Phone::long(*phone), rest)
        } else {
            let (phone, rest) = rest.split_first_chunk::<6>().ok_or_else(|| short(12))?;
            (None, Phone::short(*phone), rest)
        };
        let plain = content.len() - rest.len() + 2;
        let (sequence, rest) = rest.split_first_chunk::<2>().ok_or_else(|| short(plain))?;
        let (packet, body) = if attributes.split() {
            let (items, body) = rest.split_first_chunk::<4>().ok_or_else(|| short(plain + 4))?;
            let packet = Packet {
                total: u16::from_be_bytes([items[0], items[1]]),
                number: u16::from_be_bytes([items[2], items[3]]),
            };
            (Some(packet), body)
        } else {
            (None, rest)
        };
        let id = u16::from_be_bytes([*id0, *id1]);
        Ok((Self { id, attributes, version, phone, sequence: u16::from_be_bytes(*sequence), packet }, body))
    }

    /// Appends the header for a body of `body_len` bytes; the length bits are the only ones changed.
    pub fn write(&self, body_len: usize, out: &mut Vec<u8>) {
        let length = body_len.min(BODY_MAX_BYTES) as u16;
        let mut attributes = self.attributes.0 & !(0x3FF | Attributes::SPLIT) | length;
        if self.packet.is_some() {
            attributes |= Attributes::SPLIT;
        }
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&attributes.to_be_bytes());
        out.extend(self.version);
        out.extend_from_slice(self.phone.bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        if let Some(packet) = self.packet {
            out.extend_from_slice(&packet.total.to_be_bytes());
            out.extend_from_slice(&packet.number.to_be_bytes());
        }
    }

    /// Whether the declared length is that of the body.
    #[must_use]
    pub const fn length_agrees(&self, body: &[u8]) -> bool {
        self.attributes.body_len() == body.len()
    }

    /// The edition as far as the header tells: 2019, or else 2013, which 2011 frames look the same as.
    #[must_use]
    pub const fn edition(&self) -> Edition {
        if self.version.is_some() { Edition::V2019 } else { Edition::V2013 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_round_trip() {
        for (digits, edition) in [("13912345678", Edition::V2013), ("13912345678", Edition::V2019)] {
            let phone = Phone::parse(digits, edition).unwrap();
            assert_eq!(phone.key().as_str(), digits);
            for packet in [None, Some(Packet { total: 3, number: 2 })] {
                let mut header = Header { packet, ..Header::new(0x0801, phone, 65535) };
                let mut bytes = Vec::new();
                header.write(5, &mut bytes);
                bytes.extend_from_slice(b"hello");
                let (read, body) = Header::read(&bytes).unwrap();
                header.attributes = read.attributes;
                assert_eq!((read, body), (header, &b"hello"[..]));
                assert!(read.length_agrees(body));
                assert_eq!(read.edition(), edition);
                for cut in 0..bytes.len() - 5 {
                    assert!(matches!(Header::read(&bytes[..cut]), Err(Fault::Header { .. })), "{cut}");
                }
            }
        }
    }

    #[test]
    fn hex_ids_keep_their_digits() {
        let phone = Phone::short([0x4F, 0x07, 0x78, 0x8E, 0xF6, 0x76]);
        assert!(!phone.is_decimal());
        assert_eq!(phone.digits(), "4f07788ef676");
        assert_eq!(Phone::parse("4f07788ef676", Edition::V2013), Some(phone));
    }
}
