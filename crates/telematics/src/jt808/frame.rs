//! Frames: 0x7E … 0x7E with escapes and a XOR checksum; finding them in a stream that may hold anything.

use super::wide;
use crate::fault::Fault;
use crate::limits::FRAME_WIRE_MAX_BYTES;
use memchr::{memchr, memchr_iter, memchr2_iter};

/// The byte before and after every frame.
pub const DELIMITER: u8 = 0x7E;
/// The byte that opens an escape pair.
pub const ESCAPE: u8 = 0x7D;
/// Header of the 2011 and 2013 editions and the checksum: nothing shorter is a frame.
const SHORTEST: usize = 12 + 1;

/// One frame, unescaped, its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Header and body, without the checksum.
    pub content: &'a [u8],
    /// How many escape pairs it travelled with.
    pub escapes: usize,
}

/// XOR of all bytes, eight at a time.
#[must_use]
#[inline]
pub fn xor(bytes: &[u8]) -> u8 {
    let (words, tail) = bytes.as_chunks::<8>();
    let wide = words.iter().fold(0_u64, |sum, word| sum ^ u64::from_ne_bytes(*word));
    tail.iter().fold(fold(wide), |sum, byte| sum ^ byte)
}

/// XOR of the eight bytes of a word.
#[inline]
const fn fold(wide: u64) -> u8 {
    let half = (wide ^ (wide >> 32)) as u32;
    let quarter = half ^ (half >> 16);
    (quarter ^ (quarter >> 8)) as u8
}

/// Not zero if a byte of the word is [`ESCAPE`].
#[inline]
const fn escapes_in(word: u64) -> u64 {
    let differs = word ^ (0x0101_0101_0101_0101 * ESCAPE as u64);
    differs.wrapping_sub(0x0101_0101_0101_0101) & !differs & 0x8080_8080_8080_8080
}

/// XOR of all bytes, and whether an escape byte is among them, in one pass.
#[inline]
fn xor_and_escapes(bytes: &[u8]) -> (u8, bool) {
    let (words, tail) = bytes.as_chunks::<8>();
    let (mut wide, mut marks) = (0_u64, 0_u64);
    for word in words {
        let word = u64::from_le_bytes(*word);
        wide ^= word;
        marks |= escapes_in(word);
    }
    if let (false, Some(last)) = (tail.is_empty(), bytes.last_chunk::<8>()) {
        // The last eight bytes without those that were seen before: zeros in their place change nothing.
        let word = u64::from_le_bytes(*last) >> (8 * (8 - tail.len()));
        wide ^= word;
        marks |= escapes_in(word);
    } else {
        for byte in tail {
            wide ^= u64::from(*byte);
            marks |= u64::from(*byte == ESCAPE);
        }
    }
    (fold(wide), marks != 0)
}

/// Longest segment whose escapes are found by bits: nearly every location report.
const MARKED: usize = 128;

/// A bit for each byte of the word that is [`ESCAPE`], exactly.
#[inline]
const fn escape_bits(word: u64) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let differs = word ^ (0x0101_0101_0101_0101 * ESCAPE as u64);
    let zeros = !(((differs & LOW) + LOW) | differs | LOW);
    (zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// A bit for each byte of a segment of at most [`MARKED`] bytes that is [`ESCAPE`].
#[inline]
fn escape_marks(wire: &[u8]) -> [u64; 2] {
    let mut marks = [0_u64; 2];
    let (words, tail) = wire.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        marks[index / 8] |= escape_bits(u64::from_le_bytes(*word)) << (index % 8 * 8);
    }
    for (index, byte) in tail.iter().enumerate() {
        let at = words.len() * 8 + index;
        marks[at / 64] |= u64::from(*byte == ESCAPE) << (at % 64);
    }
    marks
}

/// As [`unescape`], for segments of at most [`MARKED`] bytes: runs between escapes are copied sixteen bytes at a time.
#[inline]
fn unescape_marked<'a>(wire: &[u8], out: &'a mut Vec<u8>) -> Result<(usize, &'a [u8]), Fault> {
    let length = wire.len();
    // Room for whole chunks past the end.
    if out.len() < length + 16 {
        out.resize(length + 16, 0);
    }
    let mut marks = escape_marks(wire);
    let (mut from, mut written, mut pairs) = (0, 0, 0);
    loop {
        let word = usize::from(marks[0] == 0);
        let next = if marks[word] == 0 { length } else { word * 64 + marks[word].trailing_zeros() as usize };
        let run = next - from;
        let mut copied = 0;
        while copied < run {
            match wire[from + copied..].first_chunk::<16>() {
                Some(chunk) => out[written + copied..][..16].copy_from_slice(chunk),
                None => out[written + copied..][..run - copied].copy_from_slice(&wire[from + copied..next]),
            }
            copied += 16;
        }
        written += run;
        if next == length {
            return Ok((pairs, &out[..written]));
        }
        marks[word] &= marks[word] - 1;
        from = next;
        pairs += unescape_pair(wire, &mut from, &mut out[written])?;
        written += 1;
    }
}

/// Verifies and unescapes what stood between two delimiters. Escaped content is written to `scratch`.
///
/// # Errors
/// [`Fault::Header`] when it is too short to be a frame, [`Fault::Escape`], [`Fault::Checksum`].
#[inline]
pub fn open<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Frame<'a>, Fault> {
    let (sum, escaped) = xor_and_escapes(wire);
    if !escaped {
        return verify(wire, 0, sum);
    }
    let (escapes, bytes) = match wide::unescape(wire, scratch) {
        Some((pairs, written)) => (pairs, &scratch[..written]),
        None if wire.len() <= MARKED => unescape_marked(wire, scratch)?,
        None => unescape(wire, scratch)?,
    };
    // Either pair has an XOR that differs by 1 from the byte that it stands for.
    verify(bytes, escapes, sum ^ (escapes & 1) as u8)
}

/// `sum` is the XOR of all bytes, the checksum included.
#[inline]
fn verify(bytes: &[u8], escapes: usize, sum: u8) -> Result<Frame<'_>, Fault> {
    if bytes.len() < SHORTEST {
        return Err(Fault::Header { want: SHORTEST - 1, found: bytes.len().saturating_sub(1) });
    }
    let (found, content) = bytes.split_last().expect("longer than the shortest frame");
    if sum != 0 {
        return Err(Fault::Checksum { want: sum ^ *found, found: *found, at: content.len() });
    }
    Ok(Frame { content, escapes })
}

/// Unescapes `wire` into the front of `out`, which grows as needed; gives the number of pairs and the bytes. An escape
/// byte at the very end stands for itself: terminals send such checksums.
fn unescape<'a>(wire: &[u8], out: &'a mut Vec<u8>) -> Result<(usize, &'a [u8]), Fault> {
    // Room for whole words past the end, so that words can be copied without asking how many bytes are wanted.
    if out.len() < wire.len() + 8 {
        out.resize(wire.len() + 8, 0);
    }
    let (mut read, mut written, mut pairs) = (0, 0, 0);
    while let Some(word) = wire[read..].first_chunk::<8>() {
        out[written..written + 8].copy_from_slice(word);
        let marks = escapes_in(u64::from_le_bytes(*word));
        if marks == 0 {
            read += 8;
            written += 8;
            continue;
        }
        // The lowest mark is exact.
        let plain = (marks.trailing_zeros() / 8) as usize;
        written += plain;
        read += plain;
        pairs += unescape_pair(wire, &mut read, &mut out[written])?;
        written += 1;
    }
    while let Some(byte) = wire.get(read) {
        if *byte == ESCAPE {
            pairs += unescape_pair(wire, &mut read, &mut out[written])?;
        } else {
            out[written] = *byte;
            read += 1;
        }
        written += 1;
    }
    Ok((pairs, &out[..written]))
}

/// Reads the escape at `read`; 1 if it was a pair, 0 if it was a bare byte at the end.
#[inline]
fn unescape_pair(wire: &[u8], read: &mut usize, out: &mut u8) -> Result<usize, Fault> {
    let at = *read;
    *out = match wire.get(at + 1) {
        Some(1) => ESCAPE,
        Some(2) => DELIMITER,
        None => {
            *read = at + 1;
            *out = ESCAPE;
            return Ok(0);
        }
        Some(other) => return Err(Fault::Escape { found: *other, at }),
    };
    *read = at + 2;
    Ok(1)
}

/// Appends `content` (header and body) as a frame: checksum, escapes, delimiters.
pub fn write_frame(content: &[u8], out: &mut Vec<u8>) {
    out.reserve(content.len() + 16);
    out.push(DELIMITER);
    escape_into(content, out);
    escape_into(&[xor(content)], out);
    out.push(DELIMITER);
}

fn escape_into(bytes: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for at in memchr2_iter(DELIMITER, ESCAPE, bytes) {
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(if bytes[at] == DELIMITER { &[ESCAPE, 2] } else { &[ESCAPE, 1] });
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// The frames of a buffer that is at hand as a whole, such as a datagram or a captured line. Bytes before the first
/// delimiter and after the last are passed over.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    bytes: &'a [u8],
    from: usize,
    ends: memchr::Memchr<'a>,
}

/// What stands between delimiters in `bytes`, each with its place, empty ones left out.
#[must_use]
pub fn segments(bytes: &[u8]) -> Segments<'_> {
    let mut ends = memchr_iter(DELIMITER, bytes);
    let from = ends.next().map_or(bytes.len(), |first| first + 1);
    Segments { bytes, from, ends }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let end = self.ends.next()?;
            let from = std::mem::replace(&mut self.from, end + 1);
            if end > from {
                return Some((from, &self.bytes[from..end]));
            }
        }
    }
}

/// Cuts a stream into frames, whatever the reads look like. Complete frames are read where they lie; only the
/// unfinished end of a read is kept, never more than [`FRAME_WIRE_MAX_BYTES`].
///
/// ```
/// use xiangyun_telematics::jt808::Deframer;
/// let mut deframer = Deframer::new();
/// // A heartbeat, cut in two by the network, with junk before it.
/// let mut heartbeats = 0;
/// for read in [&b"$$\x7e\x00\x02\x00\x00\x04\x00"[..], &b"\x21\x67\x92\x87\x00\x2b\x7d\x02\x7e"[..]] {
///     let mut input = read;
///     while let Some(frame) = deframer.next(&mut input) {
///         assert_eq!(frame.unwrap().content[..2], [0, 2]);
///         heartbeats += 1;
///     }
/// }
/// assert_eq!(heartbeats, 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    /// Bytes since the last delimiter that came in earlier reads.
    held: Vec<u8>,
    /// The whole segment when it began in an earlier read.
    joined: Vec<u8>,
    /// The segment without its escapes.
    plain: Vec<u8>,
    /// Whether a delimiter was seen, so that bytes belong to a segment.
    in_step: bool,
    /// Bytes passed over outside of frames.
    junk: u64,
}

impl Deframer {
    /// A deframer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes passed over before the first delimiter and after an overlong segment.
    #[must_use]
    pub const fn junk_bytes(&self) -> u64 {
        self.junk
    }

    /// Bytes of memory held beyond the struct itself.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity() + self.joined.capacity() + self.plain.capacity()
    }

    /// The next frame or broken segment of `input`, which moves forward past it; nothing when `input` is used up.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Result<Frame<'s>, Fault>> {
        let direct = loop {
            if !self.in_step {
                let Some(start) = memchr(DELIMITER, input) else {
                    self.junk += input.len() as u64;
                    *input = &[];
                    return None;
                };
                self.junk += start as u64;
                *input = &input[start + 1..];
                self.in_step = true;
            }
            // The end of one frame and the start of the next.
            if let ([DELIMITER, rest @ ..], true) = (*input, self.held.is_empty()) {
                *input = rest;
            }
            let Some(end) = memchr(DELIMITER, input) else {
                if self.held.len() + input.len() > FRAME_WIRE_MAX_BYTES {
                    return Some(self.give_up(input));
                }
                self.hold(input);
                *input = &[];
                return None;
            };
            let (segment, rest) = (&input[..end], &input[end + 1..]);
            *input = rest;
            if self.held.len() + segment.len() > FRAME_WIRE_MAX_BYTES {
                self.held = Vec::new();
                return Some(Err(Fault::TooLong { limit: FRAME_WIRE_MAX_BYTES }));
            }
            if !self.held.is_empty() {
                self.held.extend_from_slice(segment);
                // Nothing is kept between frames: a quiet link costs no buffer.
                self.joined = std::mem::take(&mut self.held);
                break None;
            }
            if !segment.is_empty() {
                break Some(segment);
            }
        };
        Some(open(direct.unwrap_or(&self.joined), &mut self.plain))
    }

    /// Drops an overlong segment and looks for the next delimiter.
    fn give_up<'s>(&mut self, input: &mut &[u8]) -> Result<Frame<'s>, Fault> {
        self.junk += (self.held.len() + input.len()) as u64;
        self.held = Vec::new();
        *input = &[];
        self.in_step = false;
        Err(Fault::TooLong { limit: FRAME_WIRE_MAX_BYTES })
    }

    fn hold(&mut self, bytes: &[u8]) {
        // Scratch of finished frames is let go of while a link waits.
        self.joined = Vec::new();
        if self.plain.capacity() > 256 {
            self.plain = Vec::new();
        }
        if bytes.is_empty() {
            return;
        }
        let wanted = (self.held.len() + bytes.len()).next_power_of_two().clamp(128, FRAME_WIRE_MAX_BYTES);
        self.held.reserve_exact(wanted.saturating_sub(self.held.len()));
        self.held.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(reads: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut deframer = Deframer::new();
        let mut all = Vec::new();
        for read in reads {
            let mut input = *read;
            while let Some(frame) = deframer.next(&mut input) {
                if let Ok(frame) = frame {
                    all.push(frame.content.to_vec());
                }
            }
            assert!(deframer.held_bytes() <= 4096, "{}", deframer.held_bytes());
        }
        all
    }

    fn wire(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(content, &mut out);
        out
    }

    proptest! {
        #[test]
        fn every_way_of_taking_escapes_out_says_the_same(
            wire in proptest::collection::vec(prop_oneof![Just(0x7D), Just(1), Just(2), any::<u8>()], 0..300)
        ) {
            let (mut slow, mut marked, mut pressed) = (Vec::new(), Vec::new(), Vec::new());
            let want = unescape(&wire, &mut slow).map(|(pairs, bytes)| (pairs, bytes.to_vec()));
            if wire.len() <= MARKED {
                let found = unescape_marked(&wire, &mut marked).map(|(pairs, bytes)| (pairs, bytes.to_vec()));
                prop_assert_eq!(&found, &want);
            }
            // No answer is allowed; a wrong one is not.
            if let Some((pairs, written)) = wide::unescape(&wire, &mut pressed) {
                prop_assert_eq!(Ok((pairs, pressed[..written].to_vec())), want);
            }
        }
    }

    #[test]
    fn the_escape_example_of_the_standard() {
        let mut out = Vec::new();
        escape_into(&[0x30, 0x7E, 0x08, 0x7D, 0x55], &mut out);
        assert_eq!(out, [0x30, 0x7D, 2, 0x08, 0x7D, 1, 0x55]);
    }

    #[test]
    fn an_unescaped_checksum_of_7d_is_read() {
        let mut content = vec![0, 2, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0];
        let rest = xor(&content);
        content[11] = rest ^ ESCAPE;
        assert_eq!(xor(&content), ESCAPE);
        let mut stream = vec![DELIMITER];
        stream.extend_from_slice(&content);
        stream.extend_from_slice(&[ESCAPE, DELIMITER]);
        assert_eq!(frames(&[&stream]), [content]);
    }

    #[test]
    fn shared_delimiters_and_broken_neighbours() {
        let (a, b) = (wire(&[1; 20]), wire(&[2; 20]));
        let mut stream = a.clone();
        stream.extend_from_slice(&b[1..]);
        stream.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        stream.extend_from_slice(&[DELIMITER, 9, 9, 9]);
        stream.extend_from_slice(&a);
        assert_eq!(frames(&[&stream]), [vec![1; 20], vec![2; 20], vec![1; 20]]);
    }

    #[test]
    fn endless_junk_holds_nothing() {
        let junk = vec![0x41_u8; 1 << 20];
        let mut deframer = Deframer::new();
        let mut start = &[DELIMITER][..];
        assert!(deframer.next(&mut start).is_none());
        let mut faults = 0;
        for piece in junk.chunks(1400) {
            let mut input = piece;
            while let Some(frame) = deframer.next(&mut input) {
                assert!(frame.is_err());
                faults += 1;
            }
            assert!(deframer.held_bytes() <= 4096);
        }
        assert_eq!(faults, 1);
        assert!(deframer.junk_bytes() > 1_000_000);
    }

    proptest! {
        #[test]
        fn escapes_found_by_bits_are_those_found_byte_by_byte(
            wire in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(ESCAPE), 1 => 0_u8..4], 0..=MARKED),
        ) {
            let marks = escape_marks(&wire);
            for (at, byte) in wire.iter().enumerate() {
                prop_assert_eq!(marks[at / 64] >> (at % 64) & 1 == 1, *byte == ESCAPE);
            }
            let (mut one, mut other) = (Vec::new(), Vec::new());
            prop_assert_eq!(unescape_marked(&wire, &mut one), unescape(&wire, &mut other));
        }

        #[test]
        fn any_content_survives_any_cutting(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 12..1044), 1..4),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let stream: Vec<u8> = contents.iter().flat_map(|content| wire(content)).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let reads: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(&reads), contents.clone());
            let whole: Vec<&[u8]> = segments(&stream).map(|(_, segment)| segment).collect();
            prop_assert_eq!(whole.len(), contents.len());
        }

        #[test]
        fn junk_never_breaks_step(junk in prop::collection::vec(any::<u8>(), 0..5000), content in prop::collection::vec(any::<u8>(), 12..1044)) {
            let mut stream = junk;
            stream.push(DELIMITER);
            stream.extend(wire(&content));
            prop_assert_eq!(frames(&[&stream]).pop(), Some(content));
        }
    }
}
