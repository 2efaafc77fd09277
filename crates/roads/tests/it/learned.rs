//! Speeds and datums told from tracks.

use crate::town::{STEP, corner, town};
use xiangyun_model::geo::{Datum, LonLat};
use xiangyun_roads::matching::{Fix, MatchOptions, Matcher};
use xiangyun_roads::speeds::SpeedStudy;
use xiangyun_roads::{BandId, Network, SegmentId};

/// A small generator of noise with a fixed seed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    fn noise(&mut self, metres: f64) -> (f64, f64) {
        let spread = metres / 111_000.0;
        ((self.unit() + self.unit() - 1.0) * 2.0 * spread, (self.unit() + self.unit() - 1.0) * 2.0 * spread)
    }
}

/// Fixes of a drive that takes `slow` times as long as the route says on rows, and just as long elsewhere.
fn drive(net: &Network, from: LonLat, to: LonLat, slow: f64, dice: &mut Dice) -> Vec<Fix> {
    let van = net.profile("van").expect("built in");
    let route = net.route(van, BandId(0), &[from, to]).expect("a route");
    let mut fixes = Vec::new();
    let mut time_s = 0.0;
    for stretch in &route.legs[0].stretches {
        let info = net.segment(stretch.segment).expect("a road");
        let kmh = if info.name.contains('路') { 40.0 / slow } else { 22.0 };
        let line = net.stretch_line(stretch).expect("a line");
        let (a, b) = (line[0], line[line.len() - 1]);
        let seconds = a.metres_to(b) / (kmh / 3.6);
        for k in 0..4 {
            let t = f64::from(k) / 4.0;
            let (dx, dy) = dice.noise(4.0);
            let place =
                LonLat { lon: a.lon + (b.lon - a.lon) * t + dx, lat: a.lat + (b.lat - a.lat) * t + dy };
            fixes.push(Fix { time_s: time_s + seconds * t, place, accuracy_m: None });
        }
        time_s += seconds;
    }
    fixes
}

#[test]
fn slow_roads_are_learned_and_put_to_use() {
    let net = town(8, "");
    let van = net.profile("van").expect("built in");
    let matcher = Matcher::new(&net, van, MatchOptions { sigma_m: Some(5.0), ..MatchOptions::default() })
        .expect("a matcher");
    let mut study = SpeedStudy::new(&net, van).expect("a study");
    let mut dice = Dice(5);
    for _ in 0..60 {
        let mut spot = || {
            let (x, y) = (dice.unit() * 7.0, (dice.unit() * 7.0).round() as i32);
            LonLat { lon: 113.0 + x * STEP, lat: corner(0, y).lat }
        };
        let (a, b) = (spot(), spot());
        if a.metres_to(b) < 500.0 {
            continue;
        }
        let fixes = drive(&net, a, b, 1.6, &mut dice);
        let matching = matcher.match_track(&fixes).expect("a short track");
        study.add(&fixes, &matching, |_| BandId(0));
    }
    let (learned, report) = study.fit();
    let rows = report.classes.iter().find(|c| c.class.name() == "tertiary").expect("rows were driven");
    assert!((1.4..1.75).contains(&rows.factor), "{report:#?}");
    assert!(report.error_after_percent < report.error_before_percent * 0.8, "{report:#?}");
    assert!(report.held_out > 10 && !learned.is_empty());
    // Along a row: the learned time is about 1.6 times the profile's, and closures survive.
    let (a, b) = (corner(0, 3), corner(7, 3));
    let before = net.route(van, BandId(0), &[a, b]).expect("a route").seconds;
    let closed = [SegmentId(0)];
    net.close(&closed).expect("closed");
    net.learn(&learned).expect("learned");
    let after = net.route(van, BandId(0), &[a, b]).expect("a route").seconds;
    assert!(f64::from(after) > f64::from(before) * 1.25, "{before} {after}");
    assert_eq!(net.differences_to_full(van, BandId(0)).expect("known ids"), 0);
    let geometry = net.segment(closed[0]).expect("a road").geometry;
    let middle = geometry[0];
    assert!(net.changed().contains(&closed[0]));
    net.reopen(&net.changed()).expect("reopened");
    assert!(net.changed().is_empty());
    let again = net.route(van, BandId(0), &[a, b]).expect("a route").seconds;
    assert_eq!(again, before);
    assert!(net.snap(van, middle).is_ok());
}

#[test]
fn the_datum_of_points_is_told_from_the_roads() {
    let net = town(8, "");
    let mut dice = Dice(9);
    for datum in [Datum::Wgs84, Datum::Gcj02, Datum::Bd09] {
        let points: Vec<LonLat> = (0..120)
            .map(|i| {
                let (dx, dy) = dice.noise(8.0);
                let along = dice.unit() * 7.0 * STEP;
                let k = i % 8;
                let at = corner(k, k);
                let place = if i % 2 == 0 {
                    LonLat { lon: 113.0 + along + dx, lat: at.lat + dy }
                } else {
                    LonLat { lon: at.lon + dx, lat: 33.8 + along + dy }
                };
                datum.from_wgs84(place)
            })
            .collect();
        let verdict = net.detect_datum(&points).expect("roads are near");
        assert_eq!(verdict.datum, datum, "{verdict:?}");
        assert!(verdict.confidence > 0.95, "{verdict:?}");
    }
    assert_eq!(net.detect_datum(&[]), None);
    assert_eq!(net.detect_datum(&[LonLat { lon: 10.0, lat: 50.0 }]), None);
    assert_eq!(net.detect_datum(&[LonLat { lon: f64::NAN, lat: 50.0 }]), None);
}
