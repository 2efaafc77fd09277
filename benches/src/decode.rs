//! Streams of location reports, and decoding them as a gateway would: frames out of reads of 64 KiB, header, location,
//! time, every item.

use std::hint::black_box;
use xiangyun_telematics::jt808::{Deframer, Header, Location, Phone, location::Standard, write_frame};
use xiangyun_telematics::wire::{Reader, Wire};

/// Bytes of one frame without escapes: 28 of the location, 26 of six items, header, checksum, delimiters.
pub const FRAME_BYTES: usize = 69;
/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// A stream of `frames` reports of a thousand terminals. In an `escaped` one, every frame has two escape pairs or more
/// (an odometer and a course that hold the escaped bytes); in the other one a frame has one where its numbers happen to.
#[must_use]
pub fn reports(frames: usize, escaped: bool) -> Vec<u8> {
    let mut stream = Vec::with_capacity(frames * (FRAME_BYTES + 4));
    let mut state = 20_261_124_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut content = Vec::with_capacity(FRAME_BYTES);
    for index in 0..frames {
        let terminal = (index % 1000) as u64;
        let digit = |place: u32| (terminal / 10_u64.pow(place) % 10) as u8;
        let phone = Phone::short([0x01, 0x39, 0x12, 0x34, 0x50 | digit(2), digit(1) << 4 | digit(0)]);
        content.clear();
        Header::new(0x0200, phone, index as u16).write(54, &mut content);
        let mileage: u32 = if escaped { 0x0000_7E00 } else { random(3_000_000) as u32 };
        let course: u16 = if escaped { 0x007D } else { random(360) as u16 };
        content.extend_from_slice(&0_u32.to_be_bytes());
        content.extend_from_slice(&3_u32.to_be_bytes());
        content.extend_from_slice(&(33_700_000 + random(400_000) as u32).to_be_bytes());
        content.extend_from_slice(&(112_800_000 + random(500_000) as u32).to_be_bytes());
        content.extend_from_slice(&(120 + random(200) as u16).to_be_bytes());
        content.extend_from_slice(&(random(900) as u16).to_be_bytes());
        content.extend_from_slice(&course.to_be_bytes());
        let second = index / 1000 % 60;
        content.extend_from_slice(&[0x26, 0x11, 0x24, 0x08, 0x15, (second / 10 * 16 + second % 10) as u8]);
        content.extend_from_slice(&[0x01, 4]);
        content.extend_from_slice(&mileage.to_be_bytes());
        content.extend_from_slice(&[0x02, 2, 0x01, 0xC2, 0x03, 2, 0x01, 0x6D, 0x25, 4, 0, 0, 0, 2]);
        content.extend_from_slice(&[0x30, 1, 27, 0x31, 1, 12]);
        write_frame(&content, &mut stream);
    }
    stream
}

/// What a decoded stream adds up to, so that no field can be left out by the compiler and two decoders can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Frames.
    pub frames: u64,
    /// Items with a reading.
    pub items: u64,
    /// All fields of all reports, added up.
    pub fields: u64,
}

/// Decodes a stream to its last item.
#[must_use]
pub fn decode(stream: &[u8]) -> Sums {
    let mut sums = Sums::default();
    let mut deframer = Deframer::new();
    for read in stream.chunks(READ_BYTES) {
        let mut input = read;
        while let Some(frame) = deframer.next(&mut input) {
            let Ok(frame) = frame else { continue };
            let Ok((header, body)) = Header::read(frame.content) else { continue };
            if header.id != 0x0200 {
                continue;
            }
            let Ok(location) = Location::read(&mut Reader::new(body), header.edition()) else { continue };
            sums.frames += 1;
            sums.fields = sums
                .fields
                .wrapping_add(u64::from(header.sequence))
                .wrapping_add(u64::from(header.phone.bytes()[5]))
                .wrapping_add(u64::from(location.alarm) + u64::from(location.status))
                .wrapping_add(location.lat_udeg() as u64)
                .wrapping_add(location.lon_udeg() as u64)
                .wrapping_add(u64::from(location.speed_dkmh) + u64::from(location.course_deg))
                .wrapping_add(location.alt_m as u64)
                .wrapping_add(location.time.utc_ms().unwrap_or(0) as u64);
            for item in location.items.iter() {
                let value = match item.standard() {
                    Some(Standard::Mileage(metres)) => metres,
                    Some(Standard::Fuel(tenths)) => u64::from(tenths),
                    Some(Standard::RecorderSpeed(speed)) => u64::from(speed),
                    Some(Standard::Signals(bits)) => u64::from(bits),
                    Some(Standard::SignalStrength(value) | Standard::Satellites(value)) => u64::from(value),
                    _ => continue,
                };
                sums.items += 1;
                sums.fields = sums.fields.wrapping_add(value);
            }
        }
    }
    black_box(sums)
}
