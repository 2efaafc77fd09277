//! What is measured on each map.

use crate::clock::{best, peak_mb, process_s, time};
use crate::peers;
use std::path::Path;
use std::time::Instant;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network, ProfileId, Profiles, RoadsError, SegmentId, Snap};

/// Marks of the road engine: (map class, row, figure). At most, except for rows that end in "points/s": at least.
const MARKS: [(&str, &str, f64); 29] = [
    ("county", "table 276 x 276, ms", 1.2),
    ("county", "table 2000 x 2000, ms", 30.0),
    ("county", "path p50, us", 15.0),
    ("county", "customize one metric, ms", 5.0),
    ("county", "customize 8 profiles at once / one", 3.0),
    ("county", "close or reopen p99, us", 150.0),
    ("county", "close, then table 276 x 276, ms", 1.5),
    ("county", "open, 276 x 276 answered, peak MB", 30.0),
    ("county", "open to first answer, ms wall", 30.0),
    ("province", "table 276 x 276, ms", 40.0),
    ("province", "table 2000 x 2000, ms", 500.0),
    ("province", "customize one metric, ms", 500.0),
    ("province", "close or reopen p99, us", 1000.0),
    ("province", "open to first answer, ms wall", 30.0),
    ("province", "build, peak MB", 3072.0),
    ("liechtenstein", "build, CPU-s", 0.5),
    ("liechtenstein", "build, peak MB", 60.0),
    ("liechtenstein", "open to first answer, ms wall", 30.0),
    ("county", "weights differing from full", 0.0),
    ("province", "weights differing from full", 0.0),
    ("liechtenstein", "weights differing from full", 0.0),
    ("liechtenstein", "match van white 1 s 15 m: mismatch %", 2.0),
    ("liechtenstein", "match van white 15 s 15 m: mismatch %", 1.0),
    ("liechtenstein", "match van white 60 s 15 m: mismatch %", 3.0),
    ("liechtenstein", "match van correlated 1 s 15 m: mismatch %", 2.0),
    ("liechtenstein", "match van correlated 15 s 15 m: mismatch %", 1.0),
    ("liechtenstein", "match van correlated 60 s 15 m: mismatch %", 3.0),
    ("liechtenstein", "match van white 15 s 5 m: points/s", 60_000.0),
    ("liechtenstein", "match van white 15 s 15 m: points/s", 60_000.0),
];

/// Prints rows and counts the marks missed.
pub(crate) struct Sheet<'a> {
    map: &'a str,
    missed: usize,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(map: &'a str) -> Self {
        Self { map, missed: 0 }
    }

    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    pub(crate) fn row(&mut self, row: &str, value: f64) {
        let class = match self.map {
            "county50k" | "baofeng" | "bremen_time" => "county",
            "ne1524k" => "province",
            other => other,
        };
        let mark = MARKS.iter().find(|(c, r, _)| *c == class && *r == row).map(|(_, _, m)| *m);
        let least = row.ends_with("points/s");
        let bound = if least { "at least" } else { "at most" };
        let verdict = match mark {
            Some(m) if (value > m) != least && value != m => {
                self.missed += 1;
                format!("MISSED ({bound} {m})")
            }
            Some(m) => format!("ok ({bound} {m})"),
            None => String::new(),
        };
        println!("{:<14} {row:<52} {value:>12.3} {verdict}", self.map);
    }
}

/// A small generator with a fixed seed, so that every run asks the same questions.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        #[allow(clippy::cast_possible_truncation)] // 31 bits
        let high = (self.0 >> 33) as usize;
        high % n
    }
}

/// One profile, as the peers have one metric.
fn one_profile() -> Profiles {
    let text = xiangyun_roads::DEFAULT_PROFILES;
    let start = text.find("[profile.truck42]").expect("the built-in file has this section");
    Profiles::parse(&text[..start]).expect("the built-in file is sound")
}

/// Measures one map; returns how many marks were missed.
pub(crate) fn measure(map: &str, path: &Path) -> Result<usize, RoadsError> {
    let mut sheet = Sheet::new(map);
    let file = std::env::temp_dir().join(format!("bench-{}.roads", map.replace('/', "_")));
    // Building and opening are measured in processes of their own, so that memory counts for them alone.
    if std::env::var_os("BENCH_ROADS_OPEN").is_none() {
        let start = process_s();
        let (net, problems) = Network::build(path, &one_profile())?;
        net.save(&file)?;
        sheet.row("build, CPU-s", process_s() - start);
        sheet.row("build, peak MB", peak_mb());
        println!("{map:<14} {} problems in the map", problems.list().len());
        drop(net);
        let status = std::process::Command::new(std::env::current_exe().expect("this program"))
            .env("BENCH_ROADS_OPEN", "1")
            .arg(if map == "baofeng" { path.to_string_lossy().into_owned() } else { map.to_owned() })
            .status()
            .map_err(|source| RoadsError::Io { path: file.clone(), source })?;
        return Ok(sheet.missed + usize::from(!status.success()));
    }
    let wall = Instant::now();
    let net = Network::open(&file)?;
    let van = net.profile("van")?;
    let day = BandId(0);
    let info = net.info();
    let mut dice = Dice::new(20_261_124);
    let ends = [random_place(&net, &mut dice)?, random_place(&net, &mut dice)?];
    let _ = net.route(van, day, &ends);
    sheet.row("open to first answer, ms wall", wall.elapsed().as_secs_f64() * 1e3);
    println!(
        "{map:<14} {} vertices, {} states, {} turns, hierarchy {:?}, file {} MB",
        info.vertices,
        info.states,
        info.turns,
        info.hierarchy_arcs,
        info.file_bytes / 1_000_000
    );
    let ends = snaps(&net, van, 276, &mut dice)?;
    std::hint::black_box(net.durations_ms(van, day, &ends, &ends, 1)?);
    sheet.row("open, 276 x 276 answered, peak MB", peak_mb());
    // Named parts alone, for whoever works on one of them.
    let rows = std::env::var("ROWS").unwrap_or_default();
    let wanted = |part: &str| rows.is_empty() || rows.split_whitespace().any(|r| r == part);
    if wanted("tables") {
        tables(&net, van, &mut sheet, &mut dice)?;
    }
    if wanted("paths") {
        paths(&net, van, &mut sheet, &mut dice)?;
    }
    if wanted("changes") {
        changes(&net, van, &mut sheet, &mut dice)?;
    }
    if wanted("peers") && info.vertices < 300_000 {
        peers::measure(map, &net, van)?;
    }
    if wanted("eight") {
        eight(path, &mut sheet)?;
    }
    Ok(sheet.missed)
}

/// Eight profiles: the six built-in ones and two more trucks.
fn eight(path: &Path, sheet: &mut Sheet<'_>) -> Result<(), RoadsError> {
    let mut text = String::from(xiangyun_roads::DEFAULT_PROFILES);
    let start = text.find("[profile.truck18t]").expect("the built-in file has this section");
    let end = start + text[start..].find("[profile.bus]").expect("the built-in file has this section");
    let truck = text[start..end].to_owned();
    for name in ["truck12t", "truck25t"] {
        text.push_str(&truck.replace("truck18t", name));
    }
    let (net, _) = Network::build(path, &Profiles::parse(&text)?)?;
    let van = net.profile("van")?;
    net.make_live(van, BandId(0))?;
    let one = best(9, || net.recustomize(van, BandId(0)).expect("ids are known"));
    let all = best(5, || net.recustomize_all());
    sheet.row("customize 8 profiles at once, ms", all * 1e3);
    sheet.row("customize 8 profiles at once / one", all / one);
    Ok(())
}

fn random_place(net: &Network, dice: &mut Dice) -> Result<LonLat, RoadsError> {
    #[allow(clippy::cast_possible_truncation)] // segments fit u32
    let segment = SegmentId(dice.below(net.info().segments) as u32);
    Ok(net.segment(segment)?.geometry[0])
}

fn snaps(net: &Network, van: ProfileId, count: usize, dice: &mut Dice) -> Result<Vec<Snap>, RoadsError> {
    let segments = net.info().segments;
    let mut list = Vec::with_capacity(count);
    while list.len() < count {
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        let place = net.segment(SegmentId(dice.below(segments) as u32))?.geometry[0];
        if let Ok(snap) = net.snap(van, place) {
            list.push(snap);
        }
    }
    Ok(list)
}

fn tables(net: &Network, van: ProfileId, sheet: &mut Sheet<'_>, dice: &mut Dice) -> Result<(), RoadsError> {
    let day = BandId(0);
    for (count, times) in [(276, 15), (1000, 5), (2000, 3)] {
        let ends = snaps(net, van, count, dice)?;
        let ms = best(times, || {
            std::hint::black_box(net.durations_ms(van, day, &ends, &ends, 1).expect("ids are known"));
        }) * 1e3;
        sheet.row(&format!("table {count} x {count}, ms"), ms);
        if count != 1000 {
            let places: Vec<LonLat> = ends.iter().map(|s| s.place).collect();
            let ms = best(3, || {
                std::hint::black_box(net.matrix(van, day, &places).expect("ids are known"));
            }) * 1e3;
            sheet.row(&format!("with metres and snapping, {count}"), ms);
        }
    }
    Ok(())
}

pub(crate) fn percentiles(mut list: Vec<f64>) -> (f64, f64, f64) {
    list.sort_by(f64::total_cmp);
    (list[list.len() / 2], list[list.len() * 99 / 100], list[list.len() - 1])
}

fn paths(net: &Network, van: ProfileId, sheet: &mut Sheet<'_>, dice: &mut Dice) -> Result<(), RoadsError> {
    let day = BandId(0);
    let ends = snaps(net, van, 4_000, dice)?;
    // Other pairs first: a service that runs has its caches and what shortcuts stand for, but not these answers.
    let warm = snaps(net, van, 20_000, dice)?;
    for pair in warm.chunks(2) {
        net.path(van, day, &pair[0], &pair[1])?;
    }
    let (mut with, mut without, mut arcs) = (Vec::new(), Vec::new(), 0);
    for pair in ends.chunks(2) {
        let (s, _) = time(|| std::hint::black_box(net.distance(van, day, &pair[0], &pair[1])));
        without.push(s * 1e6);
        let (s, path) = time(|| net.path(van, day, &pair[0], &pair[1]));
        with.push(s * 1e6);
        arcs += path?.map_or(0, |p| p.arcs.len());
    }
    let (p50, p99, _) = percentiles(without);
    sheet.row("distance p50, us", p50);
    sheet.row("distance p99, us", p99);
    let (p50, p99, _) = percentiles(with);
    sheet.row("path p50, us", p50);
    sheet.row("path p99, us", p99);
    #[allow(clippy::cast_precision_loss)] // a mean
    sheet.row("arcs of a path, mean", arcs as f64 / (ends.len() / 2) as f64);
    let ms = best(5, || {
        std::hint::black_box(net.reach_ms(van, day, &ends[0]).expect("ids are known"));
    }) * 1e3;
    sheet.row("one to all, ms", ms);
    Ok(())
}

fn changes(net: &Network, van: ProfileId, sheet: &mut Sheet<'_>, dice: &mut Dice) -> Result<(), RoadsError> {
    let day = BandId(0);
    net.make_live(van, day)?;
    let ms = best(9, || net.recustomize(van, day).expect("ids are known")) * 1e3;
    sheet.row("customize one metric, ms", ms);
    let segments = net.info().segments;
    let mut took = Vec::new();
    for step in 0..2_000 {
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        let s = [SegmentId(dice.below(segments) as u32)];
        let (close, done) = time(|| net.close(&s));
        done?;
        let (open, done) = time(|| net.reopen(&s));
        done?;
        // The first changes bring both sets into the caches.
        if step >= 20 {
            took.push(close * 1e6);
            took.push(open * 1e6);
        }
    }
    let (p50, p99, max) = percentiles(took);
    sheet.row("close or reopen p50, us", p50);
    sheet.row("close or reopen p99, us", p99);
    sheet.row("close or reopen max, us", max);
    let ends = snaps(net, van, 276, dice)?;
    let mut both = Vec::new();
    for _ in 0..15 {
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        let s = [SegmentId(dice.below(segments) as u32)];
        let (t, done) = time(|| {
            net.close(&s)?;
            net.durations_ms(van, day, &ends, &ends, 1)
        });
        done?;
        both.push(t * 1e3);
        net.reopen(&s)?;
    }
    sheet.row("close, then table 276 x 276, ms", percentiles(both).0);
    #[allow(clippy::cast_precision_loss)] // 0
    sheet.row("weights differing from full", net.differences_to_full(van, day)? as f64);
    Ok(())
}
