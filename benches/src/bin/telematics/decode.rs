//! Decoding of 69-byte location reports on one core, by processor time, beside the public crate `jt808`.

use super::report::{Report, at_permille};
use bytes::BytesMut;
use jt808::bytes::JtBytes;
use jt808::codec::Jt808Codec;
use jt808::models::Jt808BodyTrans as _;
use jt808::models::jt0x0200::Jt0x0200;
use std::hint::black_box;
use tokio_util::codec::Decoder as _;
use xiangyun_benches::{clock::thread_cpu_s, decode as bench};
use xiangyun_telematics::jt808::{Deframer, write_frame};

/// Two megabytes: what was just read from a socket lies in the processor's cache, and the memory of a shared machine is
/// not what is measured.
const FRAMES: usize = 30_000;
/// Passes of each, one after the other in turn: a dozen seconds, so that a neighbour on a shared processor meets all alike.
const PASSES: usize = 400;

pub(crate) fn run(report: &mut Report) {
    for (name, escaped) in [("plain", false), ("escaped", true)] {
        let stream = bench::reports(FRAMES, escaped);
        // The peer mistakes a frame with three escape pairs or more: both decode the same frames without those.
        let (fewer, frames) = of_few_pairs(&stream);
        let [mut all, mut ours, mut theirs] = [const { Vec::new() }; 3];
        for _ in 0..PASSES {
            all.push(rate(FRAMES, || {
                let sums = bench::decode(&stream);
                assert_eq!((sums.frames, sums.items), (FRAMES as u64, 6 * FRAMES as u64));
            }));
            ours.push(rate(frames, || assert_eq!(bench::decode(&fewer).frames, frames as u64)));
            theirs.push(rate(frames, || assert_eq!(peer(&fewer), frames)));
        }
        for rates in [&mut all, &mut ours, &mut theirs] {
            rates.sort_by(f64::total_cmp);
        }
        // The quickest tenth is what the code takes from a core; the median also what others on it leave.
        let quick = |rates: &[f64]| at_permille(rates, 900);
        let (first, word) =
            (format!("{name}, million frames a second a core"), "of the quickest tenth of passes");
        report.at_least("decode", &format!("{first}, {word}"), quick(&all), 15.0, "M/s");
        report.note("decode", &format!("{first}, median"), at_permille(&all, 500), "M/s");
        let pairs = format!("{name}, frames of two pairs at most");
        report.note("decode", &format!("{pairs}: ours"), quick(&ours), "M/s");
        let peer = "crate jt808 0.1.1 (checks no sum, reads no item)";
        report.note("decode", &format!("{pairs}: {peer}"), quick(&theirs), "M/s");
        let times = |at: usize| at_permille(&ours, at) / at_permille(&theirs, at);
        report.note("decode", &format!("{name}, times as fast as crate jt808"), times(900), "x");
        report.note("decode", &format!("{name}, times as fast as crate jt808, medians"), times(500), "x");
    }
}

/// Million frames a second of one pass.
fn rate(frames: usize, pass: impl FnOnce()) -> f64 {
    let before = thread_cpu_s();
    pass();
    frames as f64 / (thread_cpu_s() - before) / 1e6
}

/// The frames that both can decode: two escape pairs at most, and a time whose digits the peer, which takes them for
/// plain numbers, finds in the calendar.
fn of_few_pairs(stream: &[u8]) -> (Vec<u8>, usize) {
    let (mut fewer, mut frames) = (Vec::with_capacity(stream.len()), 0);
    let (mut deframer, mut input) = (Deframer::new(), stream);
    let (mut content, mut wire) = (Vec::new(), Vec::new());
    while let Some(frame) = deframer.next(&mut input) {
        let Ok(frame) = frame else { continue };
        content.clear();
        content.extend_from_slice(frame.content);
        content[34..40].copy_from_slice(&[
            0x26,
            0x09,
            0x17,
            0x08,
            0x15,
            (frames % 40 / 10 * 16 + frames % 10) as u8,
        ]);
        wire.clear();
        write_frame(&content, &mut wire);
        if wire.iter().filter(|byte| **byte == 0x7D).count() <= 2 {
            fewer.extend_from_slice(&wire);
            frames += 1;
        }
    }
    (fewer, frames)
}

/// The peer's way from bytes to its location report.
fn peer(stream: &[u8]) -> usize {
    let mut codec = Jt808Codec::new();
    let mut buffer = BytesMut::new();
    let mut found = 0;
    for read in stream.chunks(64 * 1024) {
        buffer.extend_from_slice(read);
        while let Ok(Some(message)) = codec.decode(&mut buffer) {
            let mut body = JtBytes::from(message.get_body());
            black_box(Jt0x0200::fill_new(&mut body, &message));
            found += 1;
        }
    }
    found
}
