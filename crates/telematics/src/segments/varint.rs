//! LEB128 integers with zigzag for signed ones: what the compact codings of records are made of.

/// Appends an unsigned integer, seven bits a byte, lowest first.
#[inline]
pub(crate) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer, small magnitudes in few bytes.
#[inline]
pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// A reader over bytes that never reads past their end.
#[derive(Clone, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whatever has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        if count > self.rest.len() {
            return None;
        }
        let (head, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(head)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                // The tenth byte has room for one bit only.
                return (shift < 63 || byte <= 1).then_some(value);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn i64(&mut self) -> Option<i64> {
        let raw = self.u64()?;
        Some(((raw >> 1) as i64) ^ -((raw & 1) as i64))
    }

    pub(crate) fn le_u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(crate) fn le_u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_integer_comes_back(a in any::<u64>(), b in any::<i64>()) {
            let mut out = Vec::new();
            put_u64(&mut out, a);
            put_i64(&mut out, b);
            let mut bytes = Bytes::new(&out);
            prop_assert_eq!(bytes.u64(), Some(a));
            prop_assert_eq!(bytes.i64(), Some(b));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn rubbish_never_panics(raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = Bytes::new(&raw);
            while bytes.i64().is_some() {}
        }
    }
}
