//! Repairs on a planned day of a small county: every offer is checked, what is done stays done, patches lay over.

use super::*;
use crate::closing;
use crate::county::{Files, cut, load};
use crate::generate;
use crate::night;
use crate::orders::{self, Source};
use crate::search::{Effort, Variant};
use crate::travel::{Band, NO_WAY, Table};
use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;
use xiangyun_model::county::County;
use xiangyun_model::plan::Trip;
use xiangyun_model::problem::Problems;
use xiangyun_solver::StepsOnly;

fn crow(county: &County, slow: i64) -> Travel {
    let n = county.sites.len();
    let mut names: Vec<&str> = county.vehicles.iter().map(|v| v.profile.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tables = names.into_iter().map(|profile| {
        let (mut seconds, mut metres) = (vec![0; n * n], vec![0; n * n]);
        for (i, a) in county.sites.iter().enumerate() {
            for (j, b) in county.sites.iter().enumerate().filter(|&(j, _)| j != i) {
                let m = a.place.metres_to(b.place) * 1.3;
                let near = m < 100_000.0;
                metres[i * n + j] = if near { m.round() as u32 } else { NO_WAY };
                seconds[i * n + j] = if near { (m / 11.0 * slow as f64).ceil() as u32 } else { NO_WAY };
            }
        }
        Table { profile: profile.into(), bands: vec![Band { from_s: 0, seconds, metres }] }
    });
    Travel::new(n, tables.collect()).expect("square tables")
}

/// Three townships with 24 villages, planned; the last orders are kept back as those that come during the day.
fn planned() -> &'static (Plan, Inputs, Vec<OrderRow>) {
    static DAY: OnceLock<(Plan, Inputs, Vec<OrderRow>)> = OnceLock::new();
    DAY.get_or_init(|| {
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
        let files = Files::read_dir(dir).expect("the committed county");
        let whole = load(&files).expect("a sound county");
        let county =
            load(&cut(&files, &["S410421101", "S410421104", "S410421106"], 24)).expect("a sound part of it");
        let date = county.default_date;
        let records = generate::day(&whole, date, 1, "default").expect("the default profile");
        let known = |id: &str| county.find_site(id).is_some();
        let own: Vec<_> =
            records.into_iter().filter(|r| known(&r.origin) && known(&r.destination)).step_by(3).collect();
        let mut problems = Problems::new();
        let names = HashMap::new();
        let rows = orders::read(
            "orders.csv",
            &orders::write(&own),
            Source::Own,
            &names,
            &county,
            date,
            &mut problems,
        );
        assert!(problems.is_empty(), "{:?}", problems.list());
        let late = rows.len() / 10;
        let is_up = |r: &OrderRow| r.order.is_outbound() && r.order.cleared;
        let later: Vec<OrderRow> = rows.iter().filter(|r| is_up(r)).take(late).cloned().collect();
        let rows: Vec<OrderRow> = rows.into_iter().filter(|r| !later.contains(r)).collect();
        let travel = crow(&county, 1);
        let opening = closing::empty(&county, date.yesterday().expect("not the first day"));
        let effort = Effort { steps: Some(300), time: None, seed: 1, threads: 1 };
        let plan =
            night::plan(&county, date, &rows, &travel, &opening, &effort, Variant::default(), &StepsOnly);
        (plan, Inputs { county, orders: rows, opening, travel }, later)
    })
}

fn running() -> Running {
    let (plan, inputs, _) = planned();
    Running::new(plan.clone(), inputs.clone())
}

/// Everything until `now` happens as planned.
fn as_planned(running: &Running, now: i64) -> Progress {
    let mut progress = Progress { now, ..Progress::default() };
    for visit in running.plan().trips.iter().flat_map(|t| &t.visits).filter(|v| v.arrive <= now) {
        let left = (visit.depart <= now).then_some(visit.depart);
        progress.visits.insert(visit.id.clone(), Done { arrived: visit.arrive, left });
    }
    progress
}

fn busiest(running: &Running, kind: TripKind) -> Trip {
    let trips = running.plan().trips.iter().filter(|t| t.kind == kind);
    trips.max_by_key(|t| t.visits.len()).expect("one of that kind").clone()
}

#[test]
fn a_day_that_runs_as_planned_stays_as_it_is() {
    let mut day = running();
    assert!(day.before().broken_is_empty(), "the night's plan passes: {:?}", day.before());
    let before = day.plan().clone();
    assert!(day.happened(Progress::default()).is_empty());
    let moved: Vec<_> = before
        .trips
        .iter()
        .flat_map(|t| &t.visits)
        .zip(day.plan().trips.iter().flat_map(|t| &t.visits))
        .filter(|(a, b)| (&a.id, a.start) != (&b.id, b.start))
        .map(|(a, b)| (a.id.clone(), a.start, b.start))
        .collect();
    assert!(moved.len() * 50 <= before.trips.iter().map(|t| t.visits.len()).sum(), "{moved:?}");
    let noon = as_planned(&day, 10 * 3_600);
    assert!(day.happened(noon).is_empty());
}

#[test]
fn new_pickups_find_checked_places_and_what_is_done_stays() {
    let mut day = running();
    let progress = as_planned(&day, 9 * 3_600);
    day.happened(progress);
    let (_, _, later) = planned();
    assert!(later.len() >= 5);
    let mut placed = 0;
    for row in later {
        let before = day.plan().clone();
        match day.insert(row) {
            Ok(offer) => {
                assert_eq!(&before, day.plan(), "an offer changes nothing");
                placed += 1;
                let done: Vec<_> = day.progress().visits.keys().cloned().collect();
                for trip in &offer.patch.trips {
                    if let Some(old) = before.trip(&trip.id) {
                        let had: Vec<_> = old.visits.iter().take_while(|v| done.contains(&v.id)).collect();
                        assert!(
                            had.iter().zip(&trip.visits).all(|(a, b)| a.id == b.id && a.arrive == b.arrive)
                        );
                    }
                }
                day.accept(&offer.patch);
                assert!(day.plan().loads.iter().any(|l| l.orders.iter().any(|o| o == row.order.id.as_str())));
            }
            Err(NoOffer::NoPlace { .. } | NoOffer::Impossible { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(placed * 10 >= later.len() * 7, "{placed} of {}", later.len());
    assert!(day.verdict(day.plan()).more_than(day.before()).is_empty());
}

#[test]
fn a_patch_survives_json_and_lays_over_the_plan_it_was_made_for() {
    let mut day = running();
    let (_, _, later) = planned();
    let offer = later.iter().find_map(|row| day.insert(row).ok()).expect("one of them has a place");
    let text = serde_json::to_string(&offer.patch).expect("plain data");
    let read: Patch = serde_json::from_str(&text).expect("its own text");
    let (mut a, mut b) = (day.plan().clone(), day.plan().clone());
    offer.patch.apply(&mut a);
    read.apply(&mut b);
    assert_eq!(a, b);
    assert!(!read.vehicles(day.plan()).is_empty());
}

#[test]
fn a_cancelled_order_leaves_and_a_collected_one_does_not() {
    let mut day = running();
    let load = day
        .plan()
        .loads
        .iter()
        .find(|l| l.orders.len() == 1)
        .or(day.plan().loads.first())
        .expect("loads")
        .clone();
    let offer = day.cancel(&load.orders[0]).expect("it has not begun");
    assert!(offer.price_fen != 0 || offer.moved_stops == 0);
    day.accept(&offer.patch);
    assert!(!day.plan().loads.iter().any(|l| l.orders.contains(&load.orders[0])));
    let late = as_planned(&day, 30 * 3_600);
    let mut day = running();
    day.happened(late);
    let carried = day.plan().loads[0].orders[0].clone();
    assert!(matches!(day.cancel(&carried), Err(NoOffer::Unknown { .. })));
}

#[test]
fn a_broken_vehicle_is_rescued_with_what_it_had_aboard() {
    let mut day = running();
    let trip = busiest(&day, TripKind::Round);
    let at = trip.visits[2].clone();
    let mut progress = as_planned(&day, at.depart);
    progress.broken.insert(trip.vehicle.clone());
    day.happened(progress);
    let before = day.plan().clone();
    let offer = day.rescue(&trip.vehicle, &at.site).expect("somebody can come");
    assert_eq!(&before, day.plan());
    day.accept(&offer.patch);
    let rescue = day
        .plan()
        .trips
        .iter()
        .find(|t| t.vehicle != trip.vehicle && t.visits.iter().any(|v| v.id.ends_with(judge::TRANSFER)))
        .expect("another vehicle takes over");
    assert!(rescue.visits.iter().any(|v| v.id == trip.visits[3].id), "stops keep their names");
    let end = day.plan().trip(&trip.id).expect("its past stays").visits.last().expect("visits").clone();
    let meeting = rescue.visits.iter().find(|v| v.id.ends_with(judge::TRANSFER)).expect("found above");
    let mut given: Vec<_> = end.unload.iter().map(|h| &h.load).collect();
    let mut taken: Vec<_> = meeting.load.iter().map(|h| &h.load).collect();
    given.sort();
    taken.sort();
    assert_eq!(given, taken, "unit by unit");
    assert!(meeting.start >= end.start);
}

#[test]
fn nobody_rescues_a_vehicle_that_runs() {
    let day = running();
    let vehicle = day.plan().trips[0].vehicle.clone();
    assert!(matches!(day.rescue(&vehicle, "HUB"), Err(NoOffer::Unknown { .. })));
}

#[test]
fn a_late_trunk_makes_loads_miss_and_they_are_booked_anew() {
    let mut day = running();
    let trunk = busiest(&day, TripKind::Trunk);
    let mut progress = Progress { now: 5 * 3_600, ..Progress::default() };
    progress.held.insert(trunk.id.clone(), trunk.visits[0].start + 2 * 3_600);
    let missed = day.happened(progress);
    let bill_before = bill(day.plan(), day.inputs());
    if missed.is_empty() {
        // The rounds could wait: nothing to book.
        return;
    }
    let offer = day.rebook(&missed).expect("some of them ride otherwise");
    day.accept(&offer.patch);
    assert!(bill(day.plan(), day.inputs()).served > bill_before.served);
}

/// Every leg is on the lists of both its visits, and nothing else is.
fn lists_agree(plan: &Plan) -> Result<(), String> {
    let mut listed: BTreeSet<(&str, &str, bool)> = BTreeSet::new();
    for visit in plan.trips.iter().flat_map(|t| &t.visits) {
        listed.extend(visit.load.iter().map(|h| (visit.id.as_str(), h.load.as_str(), true)));
        listed.extend(visit.unload.iter().map(|h| (visit.id.as_str(), h.load.as_str(), false)));
    }
    for load in &plan.loads {
        for leg in &load.legs {
            for end in
                [(leg.from.as_str(), load.id.as_str(), true), (leg.to.as_str(), load.id.as_str(), false)]
            {
                if !listed.remove(&end) {
                    return Err(format!("{end:?} is not on its list"));
                }
            }
        }
    }
    if listed.is_empty() { Ok(()) } else { Err(format!("no leg for {listed:?}")) }
}

/// A day whose trunk vehicle with the most for rounds is held so long that some of it misses its round.
fn with_missed_loads() -> (Running, Progress) {
    let mut day = running();
    let mut trunks: Vec<Trip> =
        day.plan().trips.iter().filter(|t| t.kind == TripKind::Trunk).cloned().collect();
    trunks.sort_by_key(|t| std::cmp::Reverse(t.visits.iter().map(|v| v.load.len()).sum::<usize>()));
    for trunk in trunks {
        let mut progress = Progress { now: 5 * 3_600, ..Progress::default() };
        progress.held.insert(trunk.id.clone(), trunk.visits[0].start + 8 * 3_600);
        if !day.happened(progress.clone()).is_empty() {
            return (day, progress);
        }
    }
    panic!("no trunk vehicle that eight hours matter to");
}

#[test]
fn a_forecast_is_taken_back_when_goods_board_after_all() {
    let (mut day, mut progress) = with_missed_loads();
    let (published, missed) = (day.published.clone(), day.missed());
    lists_agree(day.plan()).expect("the forecast");
    assert_ne!(&published, day.plan());
    // The trunk vehicle makes up for it, and everything is loaded as planned.
    progress.held.clear();
    let mut as_written = as_planned(&Running::new(published.clone(), day.inputs().clone()), 12 * 3_600);
    assert!(day.happened(as_written.clone()).is_empty(), "nothing is missed any more");
    assert_eq!(&day.published, &published, "news change no list");
    let boards = day.published.loads.iter().find(|l| missed.contains(&l.id) && l.legs.len() > 1);
    let load = boards.expect("one that changes vehicles").clone();
    let board = load.legs[1].from.clone();
    assert!(as_written.visits.contains_key(&board));
    as_written.left_behind.insert(board, load.orders.iter().cloned().collect());
    assert_eq!(
        day.happened(as_written),
        std::slice::from_ref(&load.id),
        "what was left behind is not aboard"
    );
    let cut = day.plan().loads.iter().find(|l| l.id == load.id).expect("still a load");
    assert_eq!(cut.legs.len(), 1, "it has come to the station");
    lists_agree(day.plan()).expect("the plan");
}

#[test]
fn an_accepted_change_takes_what_it_displaces_off_the_drivers_lists() {
    let (mut day, _) = with_missed_loads();
    let (_, _, later) = planned();
    let mut placed = 0;
    for row in later {
        if let Ok(offer) = day.insert(row) {
            day.accept(&offer.patch);
            lists_agree(&day.published).expect("the drivers' lists");
            placed += 1;
        }
    }
    assert!(placed > 0);
    let missed = day.missed();
    if let Ok(offer) = day.rebook(&missed) {
        day.accept(&offer.patch);
        lists_agree(&day.published).expect("the drivers' lists");
        assert!(day.missed().len() < missed.len());
    }
}

#[test]
fn a_fork_with_slower_roads_costs_more_and_moves_nothing_by_itself() {
    let day = running();
    let mut fork = day.fork();
    let slow = crow(&day.inputs().county, 2);
    fork.roads_changed(slow);
    let (here, there, moved) = day.compare(&fork);
    assert!(there.crew_fen > here.crew_fen && there.lateness_s >= here.lateness_s);
    assert_eq!(moved, 0);
}

#[test]
fn the_change_budget_is_kept() {
    let mut day = running();
    let trip = busiest(&day, TripKind::Round);
    let mut progress = as_planned(&day, trip.visits[2].depart);
    progress.broken.insert(trip.vehicle.clone());
    day.happened(progress);
    day.moved_max = Some(0);
    assert!(matches!(day.rescue(&trip.vehicle, &trip.visits[2].site), Err(NoOffer::Budget { most: 0, .. })));
}

/// A day on which some loads ride on dearer vehicles than they could.
fn untidy() -> Running {
    let mut day = running();
    let rounds: Vec<(String, String)> = day
        .plan()
        .trips
        .iter()
        .filter(|t| t.kind == TripKind::Round)
        .flat_map(|t| t.visits[1..t.visits.len() - 1].iter().map(|v| (v.id.clone(), t.vehicle.clone())))
        .collect();
    let vehicles: BTreeSet<String> = rounds.iter().map(|(_, v)| v.clone()).collect();
    let mut made = 0;
    for (visit, own) in rounds {
        for vehicle in vehicles.iter().filter(|v| **v != own) {
            let edit = Edit::MoveStop { visit: visit.clone(), vehicle: vehicle.clone() };
            if let Ok(offer) = day.edit(&edit, &[])
                && offer.price_fen > 500
            {
                day.accept(&offer.patch);
                made += 1;
                break;
            }
        }
        if made == 2 {
            break;
        }
    }
    assert!(made > 0, "some stop can be made by another van");
    day
}

#[test]
fn a_tidy_up_moves_few_stops_costs_less_and_is_the_same_every_time() {
    let mut day = untidy();
    let limits = TidyUp { moved_max: Some(4), timings: 400 };
    let offer = day.tidy_up(&limits, &[]).expect("what was made dear by hand can be mended");
    assert_eq!(day.tidy_up(&limits, &[]).as_ref(), Ok(&offer));
    assert!(offer.price_fen < 0);
    let (before, was) = (day.plan().clone(), bill(day.plan(), day.inputs()).total_fen);
    day.accept(&offer.patch);
    assert_eq!(bill(day.plan(), day.inputs()).total_fen, was + offer.price_fen);
    assert!(edit::moved_among(&before, day.plan(), day.progress(), |v| day.first.contains(v)) <= 4);
    assert!(day.verdict(day.plan()).broken_is_empty());
    lists_agree(&day.published).expect("the drivers' lists");
}

#[test]
fn a_tidy_up_leaves_alone_what_is_done_locked_or_over_its_budget() {
    let mut day = untidy();
    let limits = TidyUp { moved_max: Some(4), timings: 300 };
    let all = day.plan().trips.iter().flat_map(|t| &t.visits);
    let locks: Vec<_> = all
        .map(|v| xiangyun_model::plan::VisitLock {
            visit: v.id.clone(),
            lock: xiangyun_model::plan::Lock::FixedOrder,
        })
        .collect();
    if let Ok(offer) = day.tidy_up(&limits, &locks) {
        assert_eq!(offer.moved_stops, 0, "what is locked stays");
    }
    day.moved_max = Some(0);
    if let Ok(offer) = day.tidy_up(&limits, &[]) {
        assert_eq!(offer.moved_stops, 0);
    }
    day.moved_max = None;
    let morning = as_planned(&day, 9 * 3_600);
    day.happened(morning);
    let before = day.plan().clone();
    if let Ok(offer) = day.tidy_up(&limits, &[]) {
        day.accept(&offer.patch);
        let done = &day.progress().visits;
        for trip in &before.trips {
            let had: Vec<_> =
                trip.visits.iter().filter(|v| done.contains_key(&v.id)).map(|v| &v.id).collect();
            let now = day.plan().trip(&trip.id).map_or_else(Vec::new, |t| {
                t.visits.iter().filter(|v| done.contains_key(&v.id)).map(|v| &v.id).collect()
            });
            assert_eq!(had, now, "what is done stays done");
        }
    }
    let over = as_planned(&running(), 40 * 3_600);
    let mut evening = running();
    evening.happened(over);
    assert!(matches!(evening.tidy_up(&limits, &[]), Err(NoOffer::Nothing { .. })));
}

#[test]
fn a_new_order_goes_into_a_bag_that_is_not_sealed_yet() {
    let mut day = running();
    let (_, inputs, _) = planned();
    let mut joined = 0;
    let down = |r: &&OrderRow| r.order.origin == inputs.county.hub && r.order.window.is_none();
    for row in inputs.orders.iter().filter(down).step_by(40).take(8) {
        let mut new = row.clone();
        new.record.id = format!("N{}", row.record.id);
        let mut problems = Problems::new();
        let bytes = orders::write(std::iter::once(&new.record));
        let names = HashMap::new();
        let (county, date) = (&inputs.county, day.plan().date);
        let rows = orders::read("n", &bytes, Source::Own, &names, county, date, &mut problems);
        let stops: usize = day.plan().trips.iter().map(|t| t.visits.len()).sum();
        let Ok(offer) = day.insert(&rows[0]) else { continue };
        day.accept(&offer.patch);
        let load = day.plan().loads.iter().find(|l| l.orders.contains(&new.record.id)).expect("planned");
        if load.orders.len() > 1 {
            joined += 1;
            assert_eq!(stops, day.plan().trips.iter().map(|t| t.visits.len()).sum::<usize>());
        }
    }
    assert!(joined > 0, "some bag still takes an order in");
    assert!(day.verdict(day.plan()).broken_is_empty());
}

/// Every way of an order, timed and judged as a whole: the cheapest that holds.
fn cheapest_by_trying_all(day: &mut Running, row: &OrderRow) -> Option<(i64, Plan)> {
    day.before();
    day.note(row.clone());
    let fresh = fresh::load_of(&day.inputs, day.plan.date, &day.progress, &row.order).ok();
    let found = fresh.and_then(|fresh| {
        let board = ways::Board::new(&day.plan, &day.inputs, &day.progress, &day.names);
        board.ways(&fresh).into_iter().find_map(|way| {
            let mut trial = day.trial();
            trial.put(&way, fresh.clone(), &day.inputs, &day.names);
            let missed = trial.retime(&day.inputs, &day.progress, &day.names);
            let whole = day.verdict(&trial.plan).more_than(day.before());
            assert_eq!(
                day.news(&trial.plan).more_than(day.before()),
                whole,
                "what differs tells all that is new"
            );
            (missed.is_empty() && whole.is_empty()).then_some((way.fen, trial.plan))
        })
    });
    day.inputs.orders.pop();
    day.index.removed(row.order.id.as_str());
    day.names.orders.remove(row.order.id.as_str());
    day.count_orders();
    found
}

#[test]
fn the_place_offered_is_the_cheapest_of_all_ways_tried_in_whole() {
    let mut day = running();
    let morning = as_planned(&day, 8 * 3_600 + 1_800);
    day.happened(morning);
    let (_, _, later) = planned();
    let mut seen = 0;
    for row in later {
        let cheapest = cheapest_by_trying_all(&mut day, row);
        let Ok(offer) = day.insert(row) else { continue };
        let mut after = day.plan().clone();
        offer.patch.apply(&mut after);
        let alone = after.loads.iter().any(|l| l.orders == [row.order.id.to_string()]);
        // Only an order that joined a bag has no way of its own.
        if alone {
            let (_, plan) = cheapest.expect("an offer is one of the ways");
            assert_eq!((plan.trips, plan.loads), (after.trips, after.loads), "{}", row.order.id);
            seen += 1;
        }
        day.accept(&offer.patch);
    }
    assert!(seen >= 3, "{seen} orders with a way of their own");
}

#[test]
fn a_look_at_what_differs_finds_every_rule_that_is_newly_broken() {
    let mut day = running();
    let morning = as_planned(&day, 8 * 3_600 + 1_800);
    day.happened(morning);
    let (loads, trips) = (day.plan().loads.len(), day.plan().trips.len());
    let mut broken = 0;
    let mut compare = |plan: &Plan| {
        let whole = day.verdict(plan).more_than(day.before());
        assert_eq!(day.news(plan).more_than(day.before()), whole);
        broken += usize::from(!whole.is_empty());
    };
    for at in (0..loads).step_by(7) {
        let change = |edit: &dyn Fn(&mut Load)| {
            let mut plan = day.plan().clone();
            edit(&mut plan.loads[at]);
            plan
        };
        compare(&change(&|l| l.amount.g += 900_000));
        compare(&change(&|l| l.units = 0));
        compare(&change(&|l| l.legs.truncate(1)));
        compare(&change(&|l| l.legs.clear()));
        compare(&change(&|l| l.band = "nowhere".into()));
        compare(&change(&|l| l.destination.clone_from(&l.origin)));
        let mut plan = day.plan().clone();
        plan.loads.remove(at);
        compare(&plan);
        let mut plan = day.plan().clone();
        let twice = plan.loads[at].clone();
        plan.loads.push(twice);
        compare(&plan);
    }
    for at in 0..trips {
        let change = |edit: &dyn Fn(&mut Trip)| {
            let mut plan = day.plan().clone();
            edit(&mut plan.trips[at]);
            plan
        };
        let last = day.plan().trips[at].visits.len() - 1;
        compare(&change(&|t| t.visits[0].depart += 600));
        compare(&change(&|t| t.visits[last].latest = 0));
        compare(&change(&|t| t.visits[last].unload.clear()));
        compare(&change(&|t| t.visits[0].dock = Some(1)));
        compare(&change(&|t| t.vehicle = "nobody".into()));
        compare(&change(&|t| t.visits.reverse()));
        compare(&change(&|t| t.compartments.clear()));
        let mut plan = day.plan().clone();
        plan.trips.remove(at);
        compare(&plan);
    }
    assert!(broken > trips, "{broken} plans with something broken");
}
