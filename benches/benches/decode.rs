//! Criterion: what decoding a 69-byte location report costs, by stage, with and without escapes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use xiangyun_benches::decode::{decode, reports};
use xiangyun_telematics::jt808::{Deframer, Header, write_frame};

const FRAMES: usize = 10_000;

fn stages(criterion: &mut Criterion) {
    for (name, escaped) in [("plain", false), ("escaped", true)] {
        let stream = reports(FRAMES, escaped);
        let mut group = criterion.benchmark_group(format!("jt808 0x0200 {name}"));
        group.throughput(Throughput::Elements(FRAMES as u64));
        group.bench_function("frames", |bencher| {
            bencher.iter(|| {
                let mut deframer = Deframer::new();
                let mut input = &stream[..];
                let mut bytes = 0;
                while let Some(frame) = deframer.next(&mut input) {
                    bytes += frame.map_or(0, |frame| frame.content.len());
                }
                black_box(bytes)
            });
        });
        group.bench_function("headers", |bencher| {
            bencher.iter(|| {
                let mut deframer = Deframer::new();
                let mut input = &stream[..];
                let mut sum = 0_u64;
                while let Some(frame) = deframer.next(&mut input) {
                    let read = frame
                        .and_then(|frame| Header::read(frame.content).map(|(header, _)| header.sequence));
                    sum += u64::from(read.unwrap_or(0));
                }
                black_box(sum)
            });
        });
        group.bench_function("all fields and items", |bencher| bencher.iter(|| decode(black_box(&stream))));
        group.finish();
    }
}

fn writing(criterion: &mut Criterion) {
    let content = [0x31_u8; 66];
    let mut out = Vec::with_capacity(80);
    criterion.bench_function("jt808 write one frame", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_frame(black_box(&content), &mut out);
            black_box(out.len())
        });
    });
}

criterion_group!(benches, stages, writing);
criterion_main!(benches);
