//! A good plan passes; a plan spoiled in any of many ways is refused with the code of that way.

mod fixture;

use super::{Verdict, check};
use crate::inputs::Inputs;
use fixture::{STATION, fixture};
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{Plan, Rest, Trip};
use xiangyun_model::time::Window;

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = verdict.violations.iter().map(|v| v.code).collect();
    codes.dedup();
    codes
}

#[test]
fn the_good_plan_passes() {
    let (plan, inputs) = fixture();
    let verdict = check(&plan, &inputs);
    assert!(verdict.ok, "{:#?}", verdict.violations);
}

fn trip<'a>(plan: &'a mut Plan, id: &str) -> &'a mut Trip {
    plan.trips.iter_mut().find(|t| t.id == id).expect("a trip of the fixture")
}

type Spoil = fn(&mut Plan, &mut Inputs);

/// Shifts a whole trip and what follows from it in its duty.
fn shift(plan: &mut Plan, id: &str, by: i64) {
    for visit in &mut trip(plan, id).visits {
        for time in
            [&mut visit.arrive, &mut visit.start, &mut visit.finish, &mut visit.depart, &mut visit.latest]
        {
            *time += by;
        }
    }
}

const SPOILS: &[(&str, &str, Spoil)] = &[
    ("another county", "P201", |p, _| p.county = "410422".into()),
    ("one order more than there are", "P201", |p, _| p.orders += 1),
    ("a trip twice", "P202", |p, _| p.trips.push(p.trips[0].clone())),
    ("an unknown vehicle", "P203", |p, _| trip(p, "C").vehicle = "nobody".into()),
    ("ends at another place", "P204", |p, _| trip(p, "C").visits[3].site = "HUB".into()),
    ("times run backward", "P205", |p, _| trip(p, "C").visits[1].start -= 100_000),
    ("stops swapped", "P206", |p, _| trip(p, "C").visits.swap(1, 2)),
    ("one stop dropped", "P206", |p, _| drop(trip(p, "C").visits.remove(1))),
    ("a leg shorter than the road", "P207", |p, _| {
        let visit = &mut trip(p, "C").visits[1];
        visit.leg_s -= 30;
        visit.arrive -= 30;
    }),
    ("fewer metres than driven", "P208", |p, _| trip(p, "A").metres -= 1),
    ("vehicle in two places", "P209", |p, _| shift(p, "D", -7 * 3600)),
    ("driver in two places", "P210", |p, _| trip(p, "B").driver = Some("D-T1".into())),
    ("a duty that hides driving", "P211", |p, _| p.duties[1].drive_s -= 1),
    ("handling too short", "P212", |p, _| trip(p, "C").visits[1].finish -= 60),
    ("before the place opens", "P213", |p, _| shift(p, "C", -4 * 3600)),
    ("dock conflict", "P214", |p, _| trip(p, "B").visits[0].dock = Some(1)),
    ("no dock", "P214", |p, _| trip(p, "A").visits[1].dock = None),
    ("round before the trunk", "P215", |p, _| shift(p, "A", 3 * 3600)),
    ("loaded before it is sorted", "P215", |p, _| shift(p, "A", -2 * 3600)),
    ("a leg left out", "P216", |p, _| drop(p.loads[0].legs.remove(0))),
    ("overload by weight", "P217", |p, i| shrink(p, i, |room| room.g = 5_399)),
    ("overload by volume", "P218", |p, i| shrink(p, i, |room| room.cm3 = 26_999)),
    ("overload by one piece", "P219", |p, i| shrink(p, i, |room| room.pieces = 5)),
    ("above the payload", "P220", |_, i| i.county.vehicles[0].payload_g = 5_000),
    ("wrong compartment", "P221", |p, _| {
        for (trip, visit) in [("C", 0), ("C", 1)] {
            let visit = &mut self::trip(p, trip).visits[visit];
            for handling in visit.load.iter_mut().chain(&mut visit.unload).filter(|h| h.load == "l2") {
                handling.compartment = "frozen".into();
            }
        }
        p.loads[1].legs[1].compartment = "frozen".into();
    }),
    ("goods that exclude each other", "P222", |_, i| {
        let (parcel, chilled) = (i.orders[0].order.class, i.orders[3].order.class);
        i.county.classes[parcel.index()].incompatible.push(chilled);
        i.county.classes[chilled.index()].incompatible.push(parcel);
    }),
    ("a carrier that the vehicle does not take", "P223", |_, i| {
        let carrier = i.orders[0].order.carrier;
        i.county.vehicles[0].excludes.push(carrier);
    }),
    ("cold limit passed", "P224", |_, i| {
        let fresh = i.orders[4].order.class;
        i.county.classes[fresh.index()].out_of_band_max_s = Some(600);
    }),
    ("too long on the way", "P225", |_, i| {
        let fresh = i.orders[4].order.class;
        i.county.classes[fresh.index()].on_way_max_s = Some(600);
    }),
    ("an arrival that is not", "P226", |p, _| p.loads[0].arrives -= 1),
    ("no licence", "P227", |_, i| i.county.vehicles[0].licence = xiangyun_model::driver::Licence::A2),
    ("outside the shift", "P228", |_, i| {
        i.county.drivers[0].shift = Window { from_s: 7 * 3600, to_s: 8 * 3600 }
    }),
    ("on leave", "P228", |p, i| i.county.drivers[0].leave.push(p.date)),
    ("rest removed", "P229", |_, i| i.county.rules.drive_max_s = 1_500),
    ("too long at the wheel", "P230", |_, i| i.county.rules.drive_day_s = 600),
    ("a rest while driving", "P231", |p, _| {
        p.duties[1].rests.push(Rest { site: "HUB".into(), from: 7 * 3600, to: 9 * 3600 });
    }),
    ("cut-off missed", "P232", |p, _| shift(p, "D", 5 * 3600)),
    ("bus before its time", "P233", |p, _| trip(p, "line-L2-0840").visits[1].arrive -= 60),
    ("too much for a bus stop", "P234", |_, i| {
        i.county.line_trips.iter_mut().for_each(|t| t.stop_pieces = 1);
    }),
    ("after loading closes", "P235", |p, _| p.loads[3].legs[0].ready = 9 * 3600),
    ("not among passengers", "P236", |_, i| {
        let parcel = i.orders[0].order.class;
        i.county.classes[parcel.index()].on_lines = false;
    }),
    ("an order in two loads", "P237", |p, _| p.loads[3].orders.push("o1".into())),
    ("an order forgotten", "P238", |p, _| drop(p.loads[0].orders.pop())),
    ("a load lighter than its orders", "P239", |p, _| p.loads[0].amount.g -= 1),
    ("no new date", "P240", |p, _| p.deferrals.clear()),
    ("second deferral hidden", "P241", |p, _| p.breaches.clear()),
    ("a cheaper term", "P242", |p, _| p.cost[1].fen -= 1),
    ("a cheaper sum", "P243", |p, _| p.cost_fen -= 1),
    ("too large for the place", "P244", |_, i| {
        let station = i.county.find_site(STATION).expect("it is there");
        i.county.sites[station.index()].max_vehicle = xiangyun_model::fleet::VehicleKind::Van;
    }),
    ("a compartment that is not there", "P245", |p, _| trip(p, "A").compartments[0].capacity.pieces += 1),
    ("beyond its range", "P246", |_, i| {
        i.county.vehicles.iter_mut().for_each(|v| v.range_m = v.range_m.map(|_| 100));
    }),
    ("one trip too many", "P247", |_, i| i.county.vehicles[0].trips_max = 1),
    ("a vehicle out at night", "P248", |_, i| {
        i.county.vehicles[0].available = Window { from_s: 8 * 3600, to_s: 9 * 3600 }
    }),
    ("a backlog that vanishes", "P249", |p, _| p.closing.backlog.clear()),
    ("a vehicle that vanishes", "P249", |p, _| p.closing.vehicles[0].site = STATION.into()),
    ("a village without its row", "P250", |p, _| drop(p.floors.pop())),
    ("more than a station keeps", "P251", |_, i| {
        let station = i.county.find_site(STATION).expect("it is there");
        i.county.sites[station.index()].store_pieces = 1;
    }),
    ("outside agreed hours", "P252", |_, i| {
        i.orders[0].order.window = Some(Window { from_s: 18 * 3600, to_s: 19 * 3600 });
    }),
    ("boards uncleared", "P254", |_, i| i.orders[4].order.cleared = false),
    ("handled twice", "P255", |p, _| {
        let again = trip(p, "A").visits[1].unload[0].clone();
        trip(p, "A").visits[1].unload.push(again);
    }),
];

/// Makes the truck's only compartment smaller, in the fleet and in the plan alike.
fn shrink(plan: &mut Plan, inputs: &mut Inputs, how: fn(&mut xiangyun_model::units::Amount)) {
    how(&mut inputs.county.vehicles[0].layouts[0].compartments[0].room);
    for trip in plan.trips.iter_mut().filter(|t| t.vehicle == "T1") {
        how(&mut trip.compartments[0].capacity);
    }
}

#[test]
fn every_way_to_spoil_a_plan_has_its_code() {
    for (what, code, spoil) in SPOILS {
        let (mut plan, mut inputs) = fixture();
        spoil(&mut plan, &mut inputs);
        let found = codes(&check(&plan, &inputs));
        assert!(found.contains(code), "{what}: {found:?}, {code} was expected");
    }
}

#[test]
fn at_least_forty_kinds_of_fault_are_told_apart() {
    let mut kinds: Vec<&str> = SPOILS.iter().map(|&(_, code, _)| code).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 40, "{}", kinds.len());
}

#[test]
fn whatever_is_removed_from_a_list_is_found() {
    let (good, inputs) = fixture();
    let mut spoiled = Vec::new();
    for t in 0..good.trips.len() {
        for v in 0..good.trips[t].visits.len() {
            let mut plan = good.clone();
            plan.trips[t].visits.remove(v);
            spoiled.push(plan);
        }
        let mut plan = good.clone();
        plan.trips.remove(t);
        spoiled.push(plan);
    }
    for l in 0..good.loads.len() {
        let mut plan = good.clone();
        plan.loads.remove(l);
        spoiled.push(plan);
    }
    for d in 0..good.duties.len() {
        let mut plan = good.clone();
        plan.duties.remove(d);
        spoiled.push(plan);
    }
    for plan in spoiled {
        assert!(!check(&plan, &inputs).ok);
    }
}

#[test]
fn every_code_is_in_the_index() {
    let index = include_str!("../../../../../docs/errors.md");
    for (_, code, _) in SPOILS {
        assert!(index.contains(&format!("| {code} |")), "{code} is not in docs/errors.md");
    }
}

#[test]
fn inputs_survive_their_directory() {
    let (plan, inputs) = fixture();
    let dir = std::env::temp_dir().join(format!("xiangyun-inputs-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("inputs")).expect("a temporary directory");
    let county = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
    let files = crate::county::Files::read_dir(county).expect("the committed county");
    let records: Vec<&OrderRecord> = inputs.orders.iter().map(|r| &r.record).collect();
    let write = || crate::inputs::encode(&files, records.iter().copied(), &inputs.opening, &inputs.travel);
    let files_of_inputs = write();
    assert!(files_of_inputs == write(), "the same input gives the same bytes");
    for (name, bytes) in files_of_inputs {
        std::fs::write(dir.join("inputs").join(name), bytes).expect("writable");
    }
    std::fs::write(dir.join("plan.json"), serde_json::to_vec(&plan).expect("plain data")).expect("writable");
    let verdict = super::check_dir(&dir);
    assert!(verdict.ok, "{:#?}", verdict.violations);
    std::fs::write(dir.join("plan.json"), b"{\"version\":1").expect("writable");
    assert_eq!(codes(&super::check_dir(&dir)), ["P200"]);
    let _ = std::fs::remove_dir_all(dir);
}
