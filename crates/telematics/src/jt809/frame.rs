//! Messages between 0x5B and 0x5D: escapes, header, CRC.

use super::cipher::Cipher;
use crate::fault::Fault;
use crate::jt808::Edition;
use crate::limits::PLATFORM_FRAME_WIRE_MAX_BYTES;
use memchr::{memchr, memchr2, memrchr};

const START: u8 = 0x5B;
const END: u8 = 0x5D;
/// Header of the 2011 edition, without delimiters.
pub(super) const HEADER_BYTES: usize = 22;
/// The shortest message: header and CRC.
const SHORTEST: usize = HEADER_BYTES + 2;
/// UTC seconds that a 2019 header can plausibly carry: the years 2000 to 2099.
const PLAUSIBLE_UTC: std::ops::Range<u64> = 946_684_800..4_102_444_800;

/// CRC-16/CCITT-FALSE, a nibble at a time.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = {
        let mut table = [0_u16; 256];
        let mut index = 0;
        while index < 256 {
            let mut crc = (index as u16) << 8;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
                bit += 1;
            }
            table[index] = crc;
            index += 1;
        }
        table
    };
    bytes.iter().fold(0xFFFF, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The header of a platform message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Declared length of the whole message, unescaped, with both delimiters.
    pub length: u32,
    /// Sequence number.
    pub sequence: u32,
    /// Message id.
    pub id: u16,
    /// Access code that the upper platform gave to the lower one.
    pub access_code: u32,
    /// Version of the protocol.
    pub version: [u8; 3],
    /// Encryption flag; 0 none.
    pub encrypt: u8,
    /// Key of the encryption.
    pub key: u32,
}

/// A message as received: header, and what follows it up to the CRC. The edition is not yet known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The header.
    pub header: Header,
    /// Everything between the 22 bytes of the older header and the CRC: in the 2019 edition the UTC seconds first.
    pub after_header: Vec<u8>,
    /// The CRC.
    pub crc: u16,
    /// Whether the declared length is that of the message.
    pub length_agrees: bool,
}

impl Envelope {
    /// Reads what stood between the delimiters.
    ///
    /// # Errors
    /// [`Fault::Header`] when it is too short, [`Fault::Crc`] when the CRC disagrees.
    pub fn read(wire: &[u8]) -> Result<Self, Fault> {
        let bytes = unescape(wire);
        if bytes.len() < SHORTEST {
            return Err(Fault::Header { want: SHORTEST, found: bytes.len() });
        }
        let (content, crc) = bytes.split_at(bytes.len() - 2);
        let found = u16::from_be_bytes([crc[0], crc[1]]);
        let want = crc16(content);
        if want != found {
            return Err(Fault::Crc { want, found, at: content.len() });
        }
        let word =
            |at: usize| u32::from_be_bytes([content[at], content[at + 1], content[at + 2], content[at + 3]]);
        let header = Header {
            length: word(0),
            sequence: word(4),
            id: u16::from_be_bytes([content[8], content[9]]),
            access_code: word(10),
            version: [content[14], content[15], content[16]],
            encrypt: content[17],
            key: word(18),
        };
        Ok(Self {
            header,
            after_header: content[HEADER_BYTES..].to_vec(),
            crc: found,
            length_agrees: usize::try_from(header.length) == Ok(bytes.len() + 2),
        })
    }

    /// The UTC seconds, if the eight bytes after the older header can be those of the 2019 edition.
    #[must_use]
    pub fn plausible_utc(&self) -> Option<u64> {
        let utc = u64::from_be_bytes(*self.after_header.first_chunk::<8>()?);
        PLAUSIBLE_UTC.contains(&utc).then_some(utc)
    }

    /// The body by an edition, decrypted when the message says it is encrypted and the cipher is known.
    #[must_use]
    pub fn body(&self, edition: Edition, cipher: Option<&Cipher>) -> Vec<u8> {
        let from = if edition == Edition::V2019 { 8 } else { 0 };
        let mut body = self.after_header.get(from..).unwrap_or_default().to_vec();
        if self.header.encrypt != 0
            && let Some(cipher) = cipher
        {
            cipher.apply(self.header.key, &mut body);
        }
        body
    }
}

/// Appends a message. `utc_s` is written in the 2019 edition; the body is encrypted when the header says so and the
/// cipher is given. Length and CRC are computed.
pub fn write(header: &Header, utc_s: Option<u64>, body: &[u8], cipher: Option<&Cipher>, out: &mut Vec<u8>) {
    let length = HEADER_BYTES + utc_s.map_or(0, |_| 8) + body.len() + 2 + 2;
    let mut content = Vec::with_capacity(length);
    content.extend_from_slice(&(length as u32).to_be_bytes());
    content.extend_from_slice(&header.sequence.to_be_bytes());
    content.extend_from_slice(&header.id.to_be_bytes());
    content.extend_from_slice(&header.access_code.to_be_bytes());
    content.extend_from_slice(&header.version);
    content.push(header.encrypt);
    content.extend_from_slice(&header.key.to_be_bytes());
    if let Some(utc) = utc_s {
        content.extend_from_slice(&utc.to_be_bytes());
    }
    let from = content.len();
    content.extend_from_slice(body);
    if header.encrypt != 0
        && let Some(cipher) = cipher
    {
        cipher.apply(header.key, &mut content[from..]);
    }
    let crc = crc16(&content);
    content.extend_from_slice(&crc.to_be_bytes());
    escape(&content, out);
}

/// Appends `content` between delimiters, escaped.
pub(crate) fn escape(content: &[u8], out: &mut Vec<u8>) {
    out.reserve(content.len() + 16);
    out.push(START);
    for byte in content {
        match byte {
            0x5B => out.extend_from_slice(&[0x5A, 1]),
            0x5A => out.extend_from_slice(&[0x5A, 2]),
            0x5D => out.extend_from_slice(&[0x5E, 1]),
            0x5E => out.extend_from_slice(&[0x5E, 2]),
            plain => out.push(*plain),
        }
    }
    out.push(END);
}

/// Takes the escapes out. An escape byte that no pair begins with stands for itself; the CRC decides.
fn unescape(wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(wire.len());
    let mut rest = wire;
    while let Some(at) = memchr2(0x5A, 0x5E, rest) {
        out.extend_from_slice(&rest[..at]);
        let (byte, taken) = match (rest[at], rest.get(at + 1)) {
            (0x5A, Some(1)) => (0x5B, 2),
            (0x5A, Some(2)) => (0x5A, 2),
            (0x5E, Some(1)) => (0x5D, 2),
            (0x5E, Some(2)) => (0x5E, 2),
            (other, _) => (other, 1),
        };
        out.push(byte);
        rest = &rest[at + taken..];
    }
    out.extend_from_slice(rest);
    out
}

/// Reads one segment that ends before 0x5D. Some platforms leave 0x5B unescaped inside a message, and a lost end
/// leaves the start of the next message inside, too: the longest reading that the CRC agrees with is taken.
fn read_segment(segment: &[u8]) -> Result<Envelope, Fault> {
    let whole = Envelope::read(segment);
    if whole.is_err()
        && let Some(inner) = memrchr(START, segment)
        && let Ok(envelope) = Envelope::read(&segment[inner + 1..])
    {
        return Ok(envelope);
    }
    whole
}

/// All messages of a buffer that is at hand as a whole.
#[must_use]
pub fn envelopes(bytes: &[u8]) -> Vec<Result<Envelope, Fault>> {
    let mut stream = PlatformDeframer::new();
    let mut input = bytes;
    let mut all = Vec::new();
    while let Some(envelope) = stream.next(&mut input) {
        all.push(envelope);
    }
    all
}

/// Cuts a stream into messages, whatever the reads look like, holding at most
/// [`PLATFORM_FRAME_WIRE_MAX_BYTES`].
#[derive(Clone, Debug, Default)]
pub struct PlatformDeframer {
    held: Vec<u8>,
    inside: bool,
    junk: u64,
}

impl PlatformDeframer {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes passed over outside of messages.
    #[must_use]
    pub const fn junk_bytes(&self) -> u64 {
        self.junk
    }

    /// Bytes held for an unfinished message.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// The next message of `input`, which moves forward past it; nothing when `input` is used up.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Result<Envelope, Fault>> {
        if !self.inside {
            let start = memchr(START, input);
            self.junk += start.unwrap_or(input.len()) as u64;
            *input = start.map_or(&[][..], |start| &input[start + 1..]);
            self.inside = start.is_some();
            start?;
        }
        let end = memchr(END, input);
        let piece = &input[..end.unwrap_or(input.len())];
        if self.held.len() + piece.len() > PLATFORM_FRAME_WIRE_MAX_BYTES {
            self.junk += (self.held.len() + piece.len()) as u64;
            *input = &input[piece.len()..];
            self.held = Vec::new();
            self.inside = false;
            return Some(Err(Fault::TooLong { limit: PLATFORM_FRAME_WIRE_MAX_BYTES }));
        }
        match end {
            None => {
                self.held.extend_from_slice(piece);
                *input = &[];
                None
            }
            Some(end) => {
                *input = &input[end + 1..];
                self.inside = false;
                if self.held.is_empty() {
                    return Some(read_segment(piece));
                }
                self.held.extend_from_slice(piece);
                Some(read_segment(&std::mem::take(&mut self.held)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_of_the_crc() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
    }

    proptest! {
        #[test]
        fn any_body_survives_any_cutting(
            body in prop::collection::vec(prop_oneof![any::<u8>(), 0x59_u8..0x60], 0..400),
            key in any::<u32>(), m1 in 1_u32.., utc in prop::option::of(PLAUSIBLE_UTC),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let cipher = Cipher::new(m1, 37_382_110, 50_361_430).unwrap();
            let header = Header { length: 0, sequence: 7, id: 0x1200, access_code: 1, version: [1, 0, 0], encrypt: 1, key };
            let mut wire = b"junk".to_vec();
            write(&header, utc, &body, Some(&cipher), &mut wire);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
            at.extend([0, wire.len()]);
            at.sort_unstable();
            let mut stream = PlatformDeframer::new();
            let mut found = Vec::new();
            for pair in at.windows(2) {
                let mut input = &wire[pair[0]..pair[1]];
                while let Some(envelope) = stream.next(&mut input) {
                    found.push(envelope);
                }
            }
            prop_assert_eq!(found.len(), 1);
            let envelope = found.remove(0).unwrap();
            prop_assert!(envelope.length_agrees);
            let edition = if utc.is_some() { Edition::V2019 } else { Edition::V2011 };
            prop_assert_eq!(envelope.body(edition, Some(&cipher)), body);
            if utc.is_some() {
                prop_assert_eq!(envelope.plausible_utc(), utc);
            }
        }
    }
}
