use super::cold::{Band, ColdRules, Reading, Verdict};
use super::*;
use proptest::prelude::*;
use xiangyun_model::path::CrowFlies;

const T0: i64 = 1_795_000_000_000;
const LAT: i32 = 33_870_000;
const STRAIGHT: CrowFlies = CrowFlies { detour: 1.0 };

fn moving(s: i64, lon_e6: i32) -> Point {
    Point { speed_dkmh: Some(400), ignition: Some(true), ..Point::at(T0 + s * 1_000, lon_e6, LAT) }
}

fn parked(s: i64, lon_e6: i32) -> Point {
    Point { speed_dkmh: Some(12), ignition: Some(false), ..Point::at(T0 + s * 1_000, lon_e6, LAT) }
}

/// Ten metres east of 113.05° E are about 108 millionths of a degree.
const TEN_M: i32 = 108;

/// A round: at the hub, east for ten minutes, at a village for eight, on for ten, and the report stream ends.
fn round() -> Vec<Point> {
    let mut points: Vec<Point> =
        (0..60).map(|n| parked(n * 10, 113_050_000 + (n as i32 % 3) * TEN_M)).collect();
    points.extend((0..60).map(|n| moving(600 + n * 10, 113_050_000 + n as i32 * 11 * TEN_M)));
    let village = 113_050_000 + 660 * TEN_M;
    points.extend((0..48).map(|n| parked(1_200 + n * 10, village + (n as i32 % 4) * TEN_M)));
    points.extend((0..60).map(|n| moving(1_680 + n * 10, village + n as i32 * 11 * TEN_M)));
    points
}

fn fences() -> Vec<Fence> {
    vec![
        Fence::circle("hub", 113_050_000, LAT, 150.0),
        Fence::circle("on the way", 113_050_000 + 305 * TEN_M, LAT, 40.0),
        Fence::circle("village", 113_050_000 + 660 * TEN_M, LAT, 100.0),
        Fence { since_ms: T0 + 300_000, ..Fence::circle("late fence", 113_050_000, LAT, 200.0) },
    ]
}

fn day(points: Vec<Point>) -> Day {
    settle(points, &fences(), &Rules::default(), &STRAIGHT)
}

#[test]
fn a_round_has_its_stops_trips_and_visits() {
    let day = day(round());
    assert_eq!((day.stops.len(), day.trips.len(), day.jumps.len()), (2, 2, 0), "{day:#?}");
    assert!((day.trips[0].metres - 6_600).abs() < 150, "{:?}", day.trips);
    assert!(
        !day.trips[0].cut_off && day.trips[1].cut_off,
        "the last trip never saw a stop and is told all the same"
    );
    let told: Vec<_> = day.visits.iter().map(|v| (&*v.fence, v.kind, v.began_inside)).collect();
    assert_eq!(
        told,
        [
            ("hub", VisitKind::Arrived, true),
            ("late fence", VisitKind::Arrived, true),
            ("on the way", VisitKind::Passed, false),
            ("village", VisitKind::Arrived, false),
        ]
    );
    let village = &day.visits[3];
    assert_eq!(village.arrived_ms, Some(T0 + 1_200_000));
    assert!(village.left_ms.unwrap() >= T0 + 1_670_000);
}

#[test]
fn a_single_jump_makes_no_visit_and_a_new_place_is_believed() {
    let mut points: Vec<Point> = (0..60).map(|n| parked(n * 10, 113_200_000)).collect();
    points[30] = parked(300, 113_050_000 + 660 * TEN_M); // in the village for one report
    let with_jump = day(points.clone());
    assert_eq!((with_jump.visits.len(), with_jump.jumps.len()), (0, 1));
    assert_eq!(with_jump.stops.len(), 1);
    points.extend((60..120).map(|n| parked(n * 10, 113_050_000 + 660 * TEN_M)));
    let moved = day(points);
    assert_eq!(moved.jumps.len(), 1, "three that agree are a new place");
    assert_eq!(moved.visits.len(), 1);
}

#[test]
fn a_crossing_between_two_reports_is_seen() {
    let points = vec![moving(0, 113_050_000 + 270 * TEN_M), moving(60, 113_050_000 + 340 * TEN_M)];
    let visits = day(points).visits;
    assert_eq!(visits.len(), 1);
    assert_eq!((visits[0].kind, visits[0].points), (VisitKind::Passed, 0));
    assert_eq!(visits[0].entered_ms, T0 + 30_000);
    // Through a polygon as well.
    let corners = vec![
        (113_060_000, LAT - 500),
        (113_061_000, LAT - 500),
        (113_061_000, LAT + 500),
        (113_060_000, LAT + 500),
    ];
    let fence = Fence { id: "yard".into(), shape: Shape::Polygon(corners), since_ms: i64::MIN };
    assert!(fence.metres_outside(&moving(0, 113_060_500)) < -40.0);
    assert!((fence.metres_outside(&moving(0, 113_062_000)) - 92.0).abs() < 2.0);
    let across =
        settle(vec![moving(0, 113_055_000), moving(60, 113_065_000)], &[fence], &Rules::default(), &STRAIGHT);
    assert_eq!(across.visits.len(), 1);
}

#[test]
fn silence_closes_a_trip() {
    let mut points: Vec<Point> =
        (0..60).map(|n| moving(n * 10, 113_050_000 + n as i32 * 11 * TEN_M)).collect();
    points.extend((0..60).map(|n| moving(8_000 + n * 10, 113_150_000 + n as i32 * 11 * TEN_M)));
    let day = day(points);
    assert_eq!((day.trips.len(), day.gaps.len()), (2, 1), "{:?}", day.trips);
    assert!(day.trips[0].cut_off);
}

#[test]
fn off_the_way_is_told_once_it_lasts() {
    let way = [(113_050_000, LAT), (113_150_000, LAT)];
    let north = |s: i64, m: i32| Point { lat_e6: LAT + m * 9, ..moving(s, 113_060_000 + s as i32 * 10) };
    let rules = CorridorRules::default();
    let short = [north(0, 0), north(30, 400), north(60, 0)];
    assert!(deviations(&short, &way, &rules).is_empty());
    let long: Vec<Point> =
        [0, 400, 500, 450, 150, 400, 90].iter().zip(0..).map(|(m, n)| north(n * 30, *m)).collect();
    let found = deviations(&long, &way, &rules);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].from_ms, found[0].to_ms), (T0 + 30_000, Some(T0 + 180_000)));
}

#[test]
fn cold_is_kept_broken_or_unproven() {
    let band = Band { min_dc: -220, max_dc: -150 };
    let rules = ColdRules::default();
    let end = 3_600_000;
    let every = |f: &dyn Fn(i64) -> Option<i16>| -> Vec<Reading> {
        (0..60).filter_map(|m| Some(Reading { time_ms: m * 60_000, deci_c: f(m)? })).collect()
    };
    let kept =
        cold::log(every(&|m| Some(if (10..15).contains(&m) { -120 } else { -180 })), 0, end, band, &rules);
    assert_eq!(
        (kept.verdict, kept.excursions.len()),
        (Verdict::Kept, 1),
        "a door was open: within the grace"
    );
    assert_eq!((kept.excursions[0].worst_dc, kept.excursions[0].to_ms), (-120, 900_000));
    let broken = cold::log(every(&|m| Some(if m >= 30 { -100 } else { -180 })), 0, end, band, &rules);
    assert_eq!(broken.verdict, Verdict::Broken);
    let unproven = cold::log(every(&|m| (!(20..=40).contains(&m)).then_some(-180)), 0, end, band, &rules);
    assert_eq!((unproven.verdict, unproven.unproven.len()), (Verdict::Unproven, 1));
    assert_eq!(unproven.unproven[0].from_ms, 19 * 60_000 + rules.reading_ms);
    assert_eq!(cold::log(vec![], 0, end, band, &rules).verdict, Verdict::Unproven);
}

#[test]
fn late_reports_append_revisions() {
    let all = round();
    let (early, late): (Vec<Point>, Vec<Point>) =
        all.iter().partition(|p| !(T0 + 1_200_000..T0 + 1_500_000).contains(&p.time_ms));
    let mut ledger = Ledger::default();
    let first = ledger.update(&day(early).visits);
    assert!(first.iter().all(|f| f.supersedes.is_none() && !f.late));
    assert!(ledger.update(&ledger.visits()).is_empty(), "nothing new, nothing told");
    assert!(!late.is_empty());
    let second = ledger.update(&day(all.clone()).visits);
    let village: Vec<_> =
        second.iter().filter(|f| f.visit.as_ref().is_some_and(|v| v.fence == "village")).collect();
    assert_eq!(village.len(), 1);
    assert!(village[0].late && village[0].supersedes.is_some());
    assert_eq!(ledger.visits(), day(all).visits);
}

fn noisy_day() -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec((0i64..30_000, 0i32..40_000, -30i32..30, any::<bool>(), any::<bool>()), 1..150)
        .prop_map(|raw| {
            raw.into_iter()
                .map(|(s, far, wiggle, stand, wild)| {
                    let along = 113_050_000 + (s as i32) * 5 + if wild { far } else { wiggle };
                    if stand { parked(s, along) } else { moving(s, along) }
                })
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_order_any_duplication_any_batches_give_the_same_day(
        points in prop_oneof![noisy_day(), Just(round())],
        order in any::<u64>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let settled = day(points.clone());
        let mut shuffled = points.clone();
        shuffled.extend(points.iter().step_by(3).copied());
        let mut state = order | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(&day(shuffled.clone()), &settled);
        // In batches, each settled with all before it: the last state and the ledger's agree with the whole.
        let mut ends: Vec<usize> = cuts.iter().map(|c| c.index(shuffled.len())).collect();
        ends.push(shuffled.len());
        ends.sort_unstable();
        let mut ledger = Ledger::default();
        for end in ends {
            ledger.update(&day(shuffled[..end].to_vec()).visits);
        }
        prop_assert_eq!(ledger.visits(), settled.visits);
    }
}
