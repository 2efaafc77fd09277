//! Accounts: every order in exactly one place, every deferral dated, every second one listed, every fen recomputed, the
//! closing state what the day leaves.

use super::Faults;
use super::facts::Facts;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use xiangyun_model::plan::{CostTerm, Direction, TripKind};
use xiangyun_model::rules::Costs;
use xiangyun_model::site::SiteKind;

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    every_order_once(facts, faults);
    left_orders(facts, faults);
    costs(facts, faults);
    floors(facts, faults);
    closing(facts, faults);
}

fn every_order_once(facts: &Facts<'_>, faults: &mut Faults) {
    let mut places: HashMap<&str, u32> = HashMap::new();
    for id in
        facts.plan.loads.iter().flat_map(|l| &l.orders).chain(facts.plan.unassigned.iter().map(|u| &u.order))
    {
        *places.entry(id).or_default() += 1;
    }
    for row in &facts.inputs.orders {
        match places.get(row.order.id.as_str()) {
            None => faults.add(
                "P238",
                format!("order {}", row.order.id),
                "in no load and not listed as left",
                "in exactly one place",
            ),
            Some(1) => {}
            Some(n) => faults.add(
                "P237",
                format!("order {}", row.order.id),
                format!("in {n} places"),
                "in exactly one place",
            ),
        }
    }
}

fn left_orders(facts: &Facts<'_>, faults: &mut Faults) {
    let plan = facts.plan;
    let left: BTreeSet<&str> = plan.unassigned.iter().map(|u| u.order.as_str()).collect();
    let deferrals: BTreeMap<&str, _> = plan.deferrals.iter().map(|d| (d.order.as_str(), d)).collect();
    for row in &plan.unassigned {
        let at = || format!("order {}", row.order);
        let Some(order) = facts.order(&row.order) else { continue };
        if facts.county.site(order.origin).id.as_str() != row.site {
            faults.add(
                "P240",
                at(),
                format!("left at {}", row.site),
                facts.county.site(order.origin).id.as_str(),
            );
        }
        if row.reasons.is_empty() {
            faults.add("P240", at(), "no reason", "a reason for each kind of vehicle");
        }
        let Some(deferral) = deferrals.get(row.order.as_str()) else {
            faults.add("P240", at(), "no new date", "every deferral is dated");
            continue;
        };
        if deferral.to <= plan.date {
            faults.add("P240", at(), deferral.to, format!("later than {}", plan.date));
        }
        if deferral.times != order.deferrals + 1 {
            faults.add("P240", at(), format!("deferral {}", deferral.times), order.deferrals + 1);
        }
        if deferral.times >= 2
            && !plan.breaches.iter().any(|b| b.kind == "second_deferral" && b.subject == row.order)
        {
            faults.add(
                "P241",
                at(),
                format!("deferred {} times", deferral.times),
                "a listed breach with the limit that forces it",
            );
        }
    }
    for order in deferrals.keys().filter(|o| !left.contains(*o)) {
        faults.add("P240", format!("order {order}"), "deferred", "only an order that is left has a new date");
    }
    for breach in
        plan.breaches.iter().filter(|b| b.kind == "second_deferral" && !left.contains(b.subject.as_str()))
    {
        faults.add(
            "P241",
            format!("order {}", breach.subject),
            "a breach",
            "only an order that is left has one",
        );
    }
}

/// Every term of the objective, from the replayed day.
fn costs(facts: &Facts<'_>, faults: &mut Faults) {
    let mut fen: BTreeMap<CostTerm, i64> = BTreeMap::new();
    vehicles_and_crews(facts, &mut fen);
    goods(facts, &mut fen);
    let mut add = |term: CostTerm, more: i64| *fen.entry(term).or_default() += more;
    let costs = &facts.county.costs;
    for order in facts.plan.unassigned.iter().filter_map(|u| facts.order(&u.order)) {
        add(CostTerm::Unserved, costs.unserved_fen(order.unserved_fen, order.deferrals));
    }
    let missed = floors_due(facts).iter().filter(|site| !visited(facts).contains(*site)).count() as i64;
    add(CostTerm::Floor, missed * costs.floor_fen);
    let mut stated: BTreeMap<CostTerm, i64> = BTreeMap::new();
    for line in &facts.plan.cost {
        *stated.entry(line.term).or_default() += line.fen;
    }
    for term in fen.keys().chain(stated.keys()).copied().collect::<BTreeSet<_>>() {
        let (want, found) = (fen.get(&term).copied().unwrap_or(0), stated.get(&term).copied().unwrap_or(0));
        if want != found {
            faults.add("P242", format!("cost {term:?}"), found, want);
        }
    }
    let total: i64 = fen.values().sum();
    if facts.plan.cost_fen != total {
        faults.add("P243", "cost_fen", facts.plan.cost_fen, total);
    }
}

fn vehicles_and_crews(facts: &Facts<'_>, fen: &mut BTreeMap<CostTerm, i64>) {
    let mut add = |term: CostTerm, more: i64| *fen.entry(term).or_default() += more;
    let mut metres: BTreeMap<&str, i64> = BTreeMap::new();
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for trip in &facts.plan.trips {
        let (Some(first), Some(last)) = (trip.visits.first(), trip.visits.last()) else { continue };
        if trip.kind == TripKind::Line {
            let Some(departure) = facts.departure(&trip.vehicle) else { continue };
            let loads =
                trip.visits.iter().flat_map(|v| &v.load).filter_map(|h| facts.loads.get(h.load.as_str()));
            let pieces: i64 = loads.map(|l| l.amount.pieces).sum();
            add(CostTerm::Lines, departure.use_fen + pieces * departure.piece_fen);
            continue;
        }
        *metres.entry(&trip.vehicle).or_default() += trip.visits.iter().map(|v| v.leg_m).sum::<i64>();
        let driver = trip.driver.as_deref().unwrap_or("");
        let span = spans.entry(driver).or_insert((first.arrive, last.depart));
        *span = (span.0.min(first.arrive), span.1.max(last.depart));
        let Some(knows) = facts.driver(driver).map(|d| &d.knows) else { continue };
        for visit in trip.visits.iter().filter(|v| !(v.load.is_empty() && v.unload.is_empty())) {
            let Some(id) = facts.site_id(&visit.site) else { continue };
            let far = matches!(facts.county.site(id).kind, SiteKind::Village | SiteKind::Park);
            if far && !knows.contains(&id) {
                add(CostTerm::Stability, facts.county.costs.stranger_fen);
            }
        }
    }
    for (vehicle, length_m) in metres.iter().filter_map(|(id, m)| facts.vehicle(id).map(|v| (v, *m))) {
        add(CostTerm::Vehicles, vehicle.fixed_fen);
        add(CostTerm::Kilometres, vehicle.distance_fen(length_m));
    }
    let mean = spans.values().map(|(from, to)| to - from).sum::<i64>() / (spans.len().max(1) as i64);
    for (driver, (from, to)) in spans.iter().filter_map(|(id, span)| facts.driver(id).map(|d| (d, *span))) {
        let overtime_s = driver.overtime_s(from, to);
        let (regular_fen, over_fen) = driver.crew_fen(to - from, overtime_s);
        add(CostTerm::Crew, regular_fen);
        add(CostTerm::Overtime, over_fen);
        add(CostTerm::Balance, (to - from - mean).max(0) * facts.county.costs.balance_fen_h / 3600);
    }
}

fn goods(facts: &Facts<'_>, fen: &mut BTreeMap<CostTerm, i64>) {
    let mut add = |term: CostTerm, more: i64| *fen.entry(term).or_default() += more;
    let costs = &facts.county.costs;
    for load in &facts.plan.loads {
        for visit in load.legs.iter().flat_map(|leg| [&leg.from, &leg.to]).filter_map(|id| facts.visit(id)) {
            let kind = facts.site(&visit.site).map(|s| s.kind);
            let price = match kind {
                Some(SiteKind::Hub | SiteKind::Station) => Facts::count_of(load) * costs.unit_fen,
                _ => load.amount.pieces * costs.piece_fen,
            };
            add(CostTerm::Handling, price);
        }
        if load.direction == Direction::Down {
            let at_hub = facts.site_id(&load.sorted_at).is_none_or(|s| s == facts.county.hub);
            let price = if at_hub { costs.hub_sort_piece_fen } else { costs.station_sort_piece_fen };
            add(CostTerm::Handling, load.amount.pieces * price);
        }
        for order in facts.orders_of(load) {
            let late_s = facts.due_s(order).map_or(0, |(due, _)| facts.arrives_s(load) - due);
            add(CostTerm::Lateness, Costs::late_fen(order.late_fen_h, late_s));
        }
    }
}

/// Village points where something is handled today.
fn visited<'a>(facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let handled = facts
        .plan
        .trips
        .iter()
        .flat_map(|t| &t.visits)
        .filter(|v| !(v.load.is_empty() && v.unload.is_empty()));
    handled.map(|v| v.site.as_str()).collect()
}

/// What the rules ask of a village: visits a week, longest gap.
fn floor_of(facts: &Facts<'_>, poor: bool) -> (i64, i64) {
    let rules = &facts.county.rules;
    if poor {
        (rules.floor_visits_week_poor, rules.floor_gap_days_poor)
    } else {
        (rules.floor_visits_week, rules.floor_gap_days)
    }
}

/// Villages whose floor of service asks for a visit today: without one the gap would grow past the longest allowed, or
/// the seven days that end today would hold too few. A village whose history is unknown is not held to it.
fn floors_due<'a>(facts: &Facts<'a>) -> Vec<&'a str> {
    let mut due = Vec::new();
    for site in
        facts.county.sites.iter().filter(|s| s.kind == SiteKind::Village && s.works_on(facts.plan.date))
    {
        let (per_week, gap) = floor_of(facts, site.poor || site.remote);
        let Some(service) = facts.inputs.opening.service.iter().find(|s| s.site == site.id.as_str()) else {
            continue;
        };
        let Some(last) = service.last_visit else { continue };
        let days = last.until(facts.plan.date).map_or(0, |span| i64::from(span.get_days()));
        let in_week = i64::from((service.week_bits & 0b0011_1111).count_ones());
        if days >= gap || in_week < per_week && days > 1 {
            due.push(site.id.as_str());
        }
    }
    due
}

fn floors(facts: &Facts<'_>, faults: &mut Faults) {
    let visited = visited(facts);
    let rows: BTreeMap<&str, _> = facts.plan.floors.iter().map(|row| (row.site.as_str(), row)).collect();
    for site in
        facts.county.sites.iter().filter(|s| s.kind == SiteKind::Village && s.works_on(facts.plan.date))
    {
        let at = || format!("floor of {}", site.id);
        let Some(row) = rows.get(site.id.as_str()) else {
            faults.add("P250", at(), "no row", "one for every village point");
            continue;
        };
        if row.visited != visited.contains(site.id.as_str()) {
            faults.add("P250", at(), format!("visited {}", row.visited), !row.visited);
        }
        let (per_week, gap) = floor_of(facts, site.poor || site.remote);
        if (i64::from(row.per_week), i64::from(row.longest_gap_days)) != (per_week, gap) {
            faults.add(
                "P250",
                at(),
                format!("{} a week, gap {}", row.per_week, row.longest_gap_days),
                format!("{per_week} a week, gap {gap}"),
            );
        }
        let breach = facts.plan.breaches.iter().any(|b| b.kind == "floor" && b.subject == site.id.as_str());
        if row.due_today && !row.visited && !breach {
            faults.add("P250", at(), "due today and not visited", "a visit, or a listed breach");
        }
    }
}

/// Opening stock + in = out + closing stock: the orders that wait in the evening are the ones left, where they were;
/// vehicles stand where their last trip ended.
fn closing(facts: &Facts<'_>, faults: &mut Faults) {
    let closing = &facts.plan.closing;
    let left: BTreeSet<&str> = facts.plan.unassigned.iter().map(|u| u.order.as_str()).collect();
    let waits: BTreeSet<&str> = closing.backlog.iter().map(|b| b.order.as_str()).collect();
    for order in left.symmetric_difference(&waits) {
        let found = if left.contains(order) {
            "left, but not in the closing backlog"
        } else {
            "in the closing backlog, but served"
        };
        faults.add("P249", format!("order {order}"), found, "the backlog is what is left");
    }
    for row in &closing.backlog {
        let Some(order) = facts.order(&row.order) else { continue };
        if row.site != facts.county.site(order.origin).id.as_str()
            || row.times_deferred != order.deferrals + 1
        {
            faults.add(
                "P249",
                format!("order {}", row.order),
                format!("at {} deferred {}", row.site, row.times_deferred),
                format!("at {} deferred {}", facts.county.site(order.origin).id, order.deferrals + 1),
            );
        }
    }
    let mut ends: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for trip in facts.plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
        if let Some(last) = trip.visits.last() {
            let end = ends.entry(&trip.vehicle).or_insert((last.depart, &last.site));
            if last.depart >= end.0 {
                *end = (last.depart, &last.site);
            }
        }
    }
    for vehicle in &facts.county.vehicles {
        let id = vehicle.id.as_str();
        let opening = facts.inputs.opening.vehicles.iter().find(|s| s.vehicle == id);
        let stood = opening.map_or(facts.county.site(vehicle.base).id.as_str(), |s| s.site.as_str());
        let want = ends.get(id).map_or(stood, |&(_, site)| site);
        if let Some(state) = closing.vehicles.iter().find(|s| s.vehicle == id)
            && state.site != want
        {
            faults.add("P249", format!("vehicle {id}"), format!("closes at {}", state.site), want);
        }
    }
}
