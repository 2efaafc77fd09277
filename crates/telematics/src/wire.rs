//! Reading and writing big-endian fields: the vocabulary in which the message layouts are written down.

use crate::fault::BodyFault;
use crate::jt808::Edition;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Reads fields from the front of a body.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the front of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Number of bytes not read yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`BodyFault::Short`] when there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], BodyFault> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(BodyFault::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`BodyFault::Short`] when there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], BodyFault> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(BodyFault::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// All bytes that are left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`BodyFault::Short`] at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, BodyFault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A big-endian 16-bit number.
    ///
    /// # Errors
    /// [`BodyFault::Short`] at the end.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, BodyFault> {
        self.array().map(u16::from_be_bytes)
    }

    /// A big-endian 32-bit number.
    ///
    /// # Errors
    /// [`BodyFault::Short`] at the end.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, BodyFault> {
        self.array().map(u32::from_be_bytes)
    }

    /// A big-endian 64-bit number.
    ///
    /// # Errors
    /// [`BodyFault::Short`] at the end.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, BodyFault> {
        self.array().map(u64::from_be_bytes)
    }
}

/// Something that has a layout on the wire. Editions differ in layout, so both ways are told the edition.
pub trait Wire<'a>: Sized {
    /// Reads it from the front of a body.
    ///
    /// # Errors
    /// [`BodyFault`] when the bytes end early or have no known layout.
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault>;

    /// Appends it to a body.
    fn write(&self, out: &mut Vec<u8>, edition: Edition);
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl<'a> Wire<'a> for $type {
            #[inline]
            fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
                reader.array().map(<$type>::from_be_bytes)
            }
            #[inline]
            fn write(&self, out: &mut Vec<u8>, _: Edition) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    )*};
}
number!(u8, u16, u32, u64, i16);

/// Declares a body whose fields follow each other on the wire in the order written, and whose JSON names are the
/// fields' names.
macro_rules! layout {
    ($(#[$meta:meta])* pub struct $name:ident $(<$life:lifetime>)? { $($(#[$field_meta:meta])* pub $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name $(<$life>)? { $($(#[$field_meta])* pub $field: $type),* }

        $crate::wire::layout!(@impl $name, [$($life)?], $($field),*);
    };
    (@impl $name:ident, [], $($field:ident),*) => {
        impl<'a> $crate::wire::Wire<'a> for $name {
            fn read(reader: &mut $crate::wire::Reader<'a>, edition: $crate::jt808::Edition) -> Result<Self, $crate::fault::BodyFault> {
                Ok(Self { $($field: $crate::wire::Wire::read(reader, edition)?),* })
            }
            fn write(&self, out: &mut Vec<u8>, edition: $crate::jt808::Edition) {
                $($crate::wire::Wire::write(&self.$field, out, edition);)*
            }
        }
    };
    (@impl $name:ident, [$life:lifetime], $($field:ident),*) => {
        impl<$life> $crate::wire::Wire<$life> for $name<$life> {
            fn read(reader: &mut $crate::wire::Reader<$life>, edition: $crate::jt808::Edition) -> Result<Self, $crate::fault::BodyFault> {
                Ok(Self { $($field: $crate::wire::Wire::read(reader, edition)?),* })
            }
            fn write(&self, out: &mut Vec<u8>, edition: $crate::jt808::Edition) {
                $($crate::wire::Wire::write(&self.$field, out, edition);)*
            }
        }
    };
}
pub(crate) use layout;

/// A list with its count before it, `N` bytes wide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counted<const N: usize, T>(pub Vec<T>);

impl<'a, const N: usize, T: Wire<'a>> Wire<'a> for Counted<N, T> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let count = reader.array::<N>()?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        // Every element takes a byte at least, so what is there bounds what is reserved.
        let mut list = Vec::with_capacity(count.min(reader.left() / size_of::<T>().max(1) + 1));
        for _ in 0..count {
            list.push(T::read(reader, edition)?);
        }
        Ok(Self(list))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        let most = (1_usize << (8 * N)) - 1;
        let count = self.0.len().min(most);
        out.extend_from_slice(&count.to_be_bytes()[size_of::<usize>() - N..]);
        for element in &self.0[..count] {
            element.write(out, edition);
        }
    }
}

/// Elements one after the other until the body ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToEnd<T>(pub Vec<T>);

impl<'a, T: Wire<'a>> Wire<'a> for ToEnd<T> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let mut list = Vec::new();
        while reader.left() > 0 {
            let mut ahead = *reader;
            match T::read(&mut ahead, edition) {
                // An element that took nothing would be read for ever.
                Ok(element) if ahead.left() < reader.left() => list.push(element),
                _ => break,
            }
            *reader = ahead;
        }
        Ok(Self(list))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        for element in &self.0 {
            element.write(out, edition);
        }
    }
}

/// A field that only the 2019 edition has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Since2019<T>(pub Option<T>);

impl<T> Since2019<T> {
    /// Whether the field is absent; for serde.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a, T: Wire<'a> + Default> Wire<'a> for Since2019<T> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        Ok(Self(if edition == Edition::V2019 { Some(T::read(reader, edition)?) } else { None }))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        if edition == Edition::V2019 {
            match &self.0 {
                Some(value) => value.write(out, edition),
                None => T::default().write(out, edition),
            }
        }
    }
}

/// A field that may be missing at the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Maybe<T>(pub Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Maybe<T> {
    /// Whether the field is absent; for serde.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Maybe<T> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let mut ahead = *reader;
        Ok(Self(match T::read(&mut ahead, edition) {
            Ok(value) if reader.left() > 0 => {
                *reader = ahead;
                Some(value)
            }
            _ => None,
        }))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        if let Some(value) = &self.0 {
            value.write(out, edition);
        }
    }
}

/// Bytes kept as they are, to the end of the body. JSON: lower-case hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw<'a>(pub Cow<'a, [u8]>);

impl Raw<'_> {
    /// Whether there are no bytes; for serde.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Wire<'a> for Raw<'a> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        Ok(Self(Cow::Borrowed(reader.take_rest())))
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        out.extend_from_slice(&self.0);
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Raw<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(|bytes| Self(Cow::Owned(bytes))).map_err(serde::de::Error::custom)
    }
}

/// Bytes with their length before them, `N` bytes wide. JSON: lower-case hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob<const N: usize>(pub Vec<u8>);

impl<'a, const N: usize> Wire<'a> for Blob<N> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        let length = reader.array::<N>()?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        reader.take(length).map(|bytes| Self(bytes.to_vec()))
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        let length = self.0.len().min((1_usize << (8 * N)) - 1);
        out.extend_from_slice(&length.to_be_bytes()[size_of::<usize>() - N..]);
        out.extend_from_slice(&self.0[..length]);
    }
}

impl<const N: usize> Serialize for Blob<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Blob<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Exactly `N` bytes. JSON: lower-case hex, which for BCD fields is their digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> Default for Bytes<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<'a, const N: usize> Wire<'a> for Bytes<N> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        reader.array().map(Self)
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        out.extend_from_slice(&self.0);
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = from_hex(&text).map_err(serde::de::Error::custom)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| serde::de::Error::custom(format!("{N} bytes of hex are wanted")))
    }
}

/// Lower-case hex of `bytes`.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Bytes of a hex text; blanks, and colons or dashes between pairs, are passed over.
///
/// # Errors
/// [`crate::fault::Fault::Hex`] names the first character that is not a hex digit, or the last one when a digit is
/// left over.
pub fn from_hex(text: &str) -> Result<Vec<u8>, crate::fault::Fault> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut last = (0, ' ');
    for (at, found) in text.chars().enumerate() {
        if found.is_ascii_whitespace() || (matches!(found, ':' | '-') && high.is_none()) {
            continue;
        }
        last = (at, found);
        let digit = found.to_digit(16).ok_or(crate::fault::Fault::Hex { found, at })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(upper) => bytes.push(upper << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(crate::fault::Fault::Hex { found: last.1, at: last.0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_both_ways() {
        assert_eq!(from_hex("7E 0a:ff").unwrap(), [0x7E, 0x0A, 0xFF]);
        assert_eq!(to_hex(&[0x7E, 0x0A]), "7e0a");
        assert!(matches!(from_hex("7g"), Err(crate::fault::Fault::Hex { found: 'g', at: 1 })));
        assert!(matches!(from_hex("7e0"), Err(crate::fault::Fault::Hex { at: 2, .. })));
    }

    #[test]
    fn a_count_that_lies_is_a_short_body() {
        let mut reader = Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 1]);
        assert_eq!(Counted::<4, u32>::read(&mut reader, Edition::V2013), Err(BodyFault::Short));
    }
}
