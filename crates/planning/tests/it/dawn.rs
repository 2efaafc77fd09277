//! What must hold of a dawn plan and of the calendar: the evening's trips stay, loaded vans stay as they are, and nothing
//! drives where and when the calendar keeps it out.

use crate::night::{Still, assert_sound, county, inputs, plan_of, some_orders};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use xiangyun_model::calendar::{CalendarEntry, CalendarKind};
use xiangyun_model::county::County;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::Window;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::mend;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::search::Effort;
use xiangyun_solver::Control;

/// Places of a van's day, trip by trip.
fn places(plan: &Plan, van: &str) -> Vec<Vec<String>> {
    let mut trips: Vec<_> = plan.trips.iter().filter(|t| t.vehicle == van).collect();
    trips.sort_by_key(|t| t.number);
    trips.iter().map(|t| t.visits[1..t.visits.len() - 1].iter().map(|v| v.site.clone()).collect()).collect()
}

/// The rows scanned at dawn: all but those of every fourth order by position.
fn three_quarters(rows: &[OrderRow]) -> Vec<OrderRow> {
    let came = rows.iter().enumerate().filter(|(at, _)| at % 4 != 0).map(|(_, row)| row.clone());
    came.map(|mut row| {
        row.record.arrived_at.clone_from(&row.record.ready);
        row
    })
    .collect()
}

#[test]
fn dawn_keeps_trips_and_loaded_vans_when_a_quarter_does_not_come() {
    let date = county().default_date;
    let given = inputs(county(), date, some_orders(date, 4, 12));
    let evening = plan_of(&given, date, 1, 1);
    let round = evening.trips.iter().filter(|t| t.kind == TripKind::Round).max_by_key(|t| t.visits.len());
    let loading = vec![round.expect("a day has rounds").vehicle.clone()];
    let arrived = mend::arrivals(&given, &three_quarters(&given.orders));
    for threads in [1, 2] {
        let effort = Effort { steps: Some(3_000), time: None, seed: 1, threads };
        let dawn = mend::mend(&evening, &given, date, &arrived, &loading, &effort, &Still);
        let again = mend::mend(&evening, &given, date, &arrived, &loading, &effort, &Still);
        assert_eq!(dawn.plan, again.plan, "no clock, no chance");
        let then = Inputs { orders: dawn.rows.clone(), ..given.clone() };
        assert_sound(&dawn.plan, &then);
        let told = &dawn.mended;
        // The search counts one end of goods between villages, the account both.
        assert!(told.moved_pm <= mend::MOVED_MOST_PM + 20, "{told:?}");
        // Fewer trips would do for what came.
        assert!(told.trunk_trips > 0 && told.trunk_kept == told.trunk_trips, "{told:?}");
        let before: Vec<String> = places(&evening, &loading[0]).concat();
        let mut left = before.iter();
        let after: Vec<String> = places(&dawn.plan, &loading[0]).concat();
        assert!(after.iter().all(|site| left.any(|b| b == site)), "{before:?} is not kept: {after:?}");
    }
}

/// A clock that goes on by a millisecond whenever it is asked.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Control for Ticking {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn a_dawn_cut_short_at_any_moment_is_sound() {
    let date = county().default_date;
    let given = inputs(county(), date, some_orders(date, 4, 12));
    let evening = plan_of(&given, date, 1, 1);
    let arrived = mend::arrivals(&given, &three_quarters(&given.orders));
    for ms in [0, 30, 300, 3_000] {
        let effort = Effort { steps: None, time: Some(Duration::from_millis(ms)), seed: 1, threads: 1 };
        let dawn = mend::mend(&evening, &given, date, &arrived, &[], &effort, &Ticking::default());
        let then = Inputs { orders: dawn.rows.clone(), ..given.clone() };
        assert_sound(&dawn.plan, &then);
    }
}

/// Truck visits at stations that the hours touch.
fn within<'p>(plan: &'p Plan, county: &County, hours: Window) -> Vec<&'p str> {
    let stations: BTreeSet<&str> =
        county.sites_of(SiteKind::Station).map(|s| county.site(s).id.as_str()).collect();
    let trunk = plan.trips.iter().filter(|t| t.kind == TripKind::Trunk).flat_map(|t| &t.visits);
    trunk
        .filter(|v| stations.contains(v.site.as_str()) && v.arrive < hours.to_s && hours.from_s < v.depart)
        .map(|v| v.id.as_str())
        .collect()
}

#[test]
fn trucks_stay_out_while_the_calendar_says_so() {
    let date = county().default_date;
    let hours = Window { from_s: 8 * 3600, to_s: 10 * 3600 + 1800 };
    let free = inputs(county(), date, some_orders(date, 9, 10));
    let plan = plan_of(&free, date, 1, 1);
    let trucks = |plan: &Plan| plan.trips.iter().any(|t| t.kind == TripKind::Trunk);
    assert!(!trucks(&plan) || !within(&plan, county(), hours).is_empty(), "trucks would be there");
    let mut limited = county().clone();
    for station in county().sites_of(SiteKind::Station) {
        limited.calendar.push(CalendarEntry {
            date,
            site: Some(station),
            kind: CalendarKind::TruckLimit { from_kind: VehicleKind::Truck, hours },
            down_bp: 10_000,
            up_bp: 10_000,
            speed_bp: 10_000,
            note: String::new(),
        });
    }
    let given = Inputs { county: limited, ..free };
    let plan = plan_of(&given, date, 1, 1);
    assert_sound(&plan, &given);
    assert_eq!(within(&plan, &given.county, hours), Vec::<&str>::new());
}

#[test]
fn fog_slows_legs_by_the_slower_end_and_is_told() {
    let mut county = county().clone();
    let date = county.default_date;
    let (a, b) = {
        let mut stations = county.sites_of(SiteKind::Station);
        (stations.next().expect("a station"), stations.next().expect("another"))
    };
    county.calendar.push(CalendarEntry {
        date,
        site: Some(a),
        kind: CalendarKind::Weather,
        down_bp: 10_000,
        up_bp: 10_000,
        speed_bp: 7_000,
        note: "雾".into(),
    });
    assert_eq!((county.speed_bp(date, a), county.speed_bp(date, b)), (7_000, 10_000));
    assert_eq!(xiangyun_model::calendar::slowed_s(700, 7_000), 1_000);
    assert_eq!(xiangyun_model::calendar::slowed_s(701, 7_000), 1_002);
    let told = xiangyun_planning::calendar::effects(&county, date, Some(&BTreeSet::from([a])));
    let fog = told.iter().find(|e| e.kind == "weather").expect("the fog is told");
    assert!(xiangyun_planning::calendar::words(fog, true).contains("车速 ×0.70"));
}
