//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/roads.rs"]
mod roads;

use replay::replay;

#[test]
fn osm_pbf() {
    replay("osm_pbf", 5, roads::osm_pbf);
}

#[test]
fn osm_tags() {
    replay("osm_tags", 5, roads::osm_tags);
}

#[test]
fn roads_file() {
    replay("roads_file", 10, roads::roads_file);
}

/// Blind changes of the corpora for `XIANGYUN_SOAK_SECONDS`, for machines without the fuzzer; nothing without it. A check
/// that panics leaves its input in the folder for temporary files.
#[test]
fn soak() {
    let Some(seconds) = std::env::var("XIANGYUN_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()) else {
        return;
    };
    let targets: [(&str, fn(&[u8])); 3] =
        [("osm_pbf", roads::osm_pbf), ("osm_tags", roads::osm_tags), ("roads_file", roads::roads_file)];
    std::thread::scope(|scope| {
        for (target, check) in targets {
            scope.spawn(move || println!("{target}: {} runs", soak_one(target, check, seconds)));
        }
    });
}

fn soak_one(target: &str, check: fn(&[u8]), seconds: u64) -> u64 {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).expect("a corpus").map(|f| f.expect("an entry").path());
    let mut seeds: Vec<Vec<u8>> = files.map(|f| std::fs::read(f).expect("a readable file")).collect();
    seeds.sort();
    let mut state = seconds;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n.max(1)
    };
    let (start, mut runs) = (std::time::Instant::now(), 0);
    while start.elapsed().as_secs() < seconds {
        let mut input = seeds[below(seeds.len())].clone();
        for _ in 0..=below(6) {
            let at = below(input.len() + 1);
            match below(6) {
                0 => input.insert(at, below(256) as u8),
                1 => input.truncate(at),
                2 => {
                    let other = &seeds[below(seeds.len())];
                    let from = below(other.len() + 1);
                    input.splice(at..at, other[from..(from + 64).min(other.len())].iter().copied());
                }
                _ if at < input.len() && below(2) == 0 => input[at] ^= 1 << below(8),
                _ if at < input.len() => input[at] = [0, 1, 0x7F, 0x80, 0xFF][below(5)],
                _ => input.push(below(256) as u8),
            }
        }
        let kept = std::env::temp_dir().join(format!("soak-{target}"));
        if std::panic::catch_unwind(|| check(&input)).is_err() {
            std::fs::write(&kept, &input).expect("a writable folder");
            panic!("{target}: {}", kept.display());
        }
        runs += 1;
    }
    runs
}
