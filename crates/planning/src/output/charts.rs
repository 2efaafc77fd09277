//! The overview's charts as inline SVG: cost by term, the vehicles' day, fill by trip, arrivals over the day.

use super::words::{self, trip_kind};
use super::{Sources, map, replay, text};
use maud::{Markup, html};
use std::collections::BTreeMap;
use xiangyun_model::plan::{CostLine, Direction, Trip, TripKind};
use xiangyun_model::site::SiteKind;

/// Width of every chart in its own units.
const WIDTH: i64 = 1_000;
/// Height of one row.
const ROW: i64 = 18;
/// Room for labels on the left.
const LABEL: i64 = 150;

/// Bars of the objective's terms, dearest first.
pub(super) fn cost(sources: &Sources<'_>) -> Markup {
    let mut lines: Vec<&CostLine> = sources.plan.cost.iter().filter(|l| l.fen != 0).collect();
    lines.sort_by_key(|l| (-l.fen, l.term));
    let top = lines.first().map_or(1, |l| l.fen.max(1));
    let height = lines.len() as i64 * ROW + 4;
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (height) } {
            @for (i, line) in lines.iter().enumerate() {
                @let y = i as i64 * ROW;
                @let word = words::cost_term(line.term);
                text x="0" y=(y + 13) { (word.zh) " " (word.en) }
                rect x=(LABEL) y=(y + 2) width=((WIDTH - LABEL - 260) * line.fen.max(0) / top) height=(ROW - 4) fill="#1f6feb" {}
                text x=(WIDTH - 250) y=(y + 13) {
                    (text::grouped(line.fen / 100)) " " (words::YUAN.zh)
                    "  " (line.share_ppm / 10_000) "." (format!("{:02}", line.share_ppm.rem_euclid(10_000) / 100)) "%"
                    "  (" (text::grouped(line.quantity)) " " (line.unit) ")"
                }
            }
        }
    }
}

/// Hours shown: from the first departure to the last return, whole hours.
fn hours(sources: &Sources<'_>) -> (i64, i64) {
    let own = || sources.plan.trips.iter().flat_map(|t| &t.visits);
    let from = own().map(|v| v.arrive).min().unwrap_or(6 * 3_600).div_euclid(3_600);
    let to = own().map(|v| v.depart).max().unwrap_or(20 * 3_600).div_euclid(3_600) + 1;
    (from, to.max(from + 1))
}

/// The day of every vehicle: one row a vehicle, a bar a trip, a tick a stop.
pub(super) fn timeline(sources: &Sources<'_>) -> Markup {
    let (from, to) = hours(sources);
    let x = |s: i64| LABEL + (WIDTH - LABEL) * (s - from * 3_600) / ((to - from) * 3_600);
    let mut rows: BTreeMap<(u8, &str), Vec<&Trip>> = BTreeMap::new();
    for trip in &sources.plan.trips {
        let rank = match trip.kind {
            TripKind::Trunk => 0,
            TripKind::Line => 1,
            TripKind::Direct => 2,
            TripKind::Round => 3,
        };
        let rank = rows.keys().find(|(_, v)| *v == trip.vehicle).map_or(rank, |(r, _)| *r);
        rows.entry((rank, trip.vehicle.as_str())).or_default().push(trip);
    }
    let colours = map::colours(sources);
    let height = rows.len() as i64 * ROW + 22;
    html! {
        svg.chart.timeline viewBox={ "0 0 " (WIDTH) " " (height) } {
            @for hour in from..=to {
                line.grid x1=(x(hour * 3_600)) x2=(x(hour * 3_600)) y1="14" y2=(height) {}
                text.hour x=(x(hour * 3_600)) y="11" { (hour) }
            }
            @for (row, ((_, vehicle), trips)) in rows.iter().enumerate() {
                @let y = 18 + row as i64 * ROW;
                text x="0" y=(y + 12) data-vehicle=(vehicle) { (vehicle) }
                @for trip in trips {
                    @if let (Some(first), Some(last)) = (trip.visits.first(), trip.visits.last()) {
                        @let fill = match trip.kind { TripKind::Trunk => "#333333", TripKind::Line => "#b8860b", _ => colours.get(first.site.as_str()).copied().unwrap_or("#777777") };
                        rect.bar x=(x(first.arrive)) y=(y + 2) width=((x(last.depart) - x(first.arrive)).max(2)) height=(ROW - 5)
                            fill=(fill) data-trip=(trip.id) {
                            title { (trip_kind(trip.kind).zh) " " (trip.id) " " (text::clock(first.depart)) "—" (text::clock(last.arrive)) }
                        }
                        @for visit in trip.visits.iter().skip(1).rev().skip(1) {
                            rect x=(x(visit.arrive)) y=(y + 4) width="1" height=(ROW - 9) fill="#fff" {}
                        }
                    }
                }
            }
        }
    }
}

/// Fill of each trip out and back, at its fullest leg.
pub(super) fn fill(sources: &Sources<'_>) -> Markup {
    let peak = |trip: &Trip, outward: bool| {
        let replayed = replay::trip(sources, trip);
        let legs = replayed.legs.iter().filter(|l| l.outward == outward);
        legs.map(|l| replay::fill_ppm(l, replayed.capacity)).max().unwrap_or(0)
    };
    let own: Vec<&Trip> = sources.plan.trips.iter().filter(|t| t.visits.len() > 1).collect();
    let step = ((WIDTH - 40) / (own.len() as i64).max(1)).clamp(3, 24);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " 200" } {
            @for part in [0, 50, 100] {
                line.grid x1="34" x2=(WIDTH) y1=(100 - part * 9 / 10) y2=(100 - part * 9 / 10) {}
                line.grid x1="34" x2=(WIDTH) y1=(100 + part * 9 / 10) y2=(100 + part * 9 / 10) {}
                text x="0" y=(104 - part * 9 / 10) { (part) "%" }
            }
            @for (i, trip) in own.iter().enumerate() {
                @let (out, back) = (peak(trip, true) * 90 / 1_000_000, peak(trip, false) * 90 / 1_000_000);
                @let x = 38 + i as i64 * step;
                rect x=(x) y=(100 - out) width=(step - 1) height=(out) fill="#1f6feb" data-trip=(trip.id) { title { (trip.id) " ↓ " (out * 100 / 90) "%" } }
                rect x=(x) y="100" width=(step - 1) height=(back) fill="#2da44e" data-trip=(trip.id) { title { (trip.id) " ↑ " (back * 100 / 90) "%" } }
            }
        }
    }
}

/// Pieces that reach village points, by half hour.
pub(super) fn arrivals(sources: &Sources<'_>) -> Markup {
    let mut by_slot: BTreeMap<i64, i64> = BTreeMap::new();
    for load in sources.plan.loads.iter().filter(|l| l.direction == Direction::Down) {
        if sources.site(&load.destination).is_some_and(|s| s.kind == SiteKind::Village) {
            *by_slot.entry(load.arrives.div_euclid(1_800)).or_default() += load.amount.pieces;
        }
    }
    let (Some(first), Some(last)) = (by_slot.keys().next().copied(), by_slot.keys().last().copied()) else {
        return html! { p { (words::NONE.zh) } };
    };
    let top = by_slot.values().copied().max().unwrap_or(1).max(1);
    let step = (WIDTH / (last - first + 1)).min(60);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " 150" } {
            @for slot in first..=last {
                @let n = by_slot.get(&slot).copied().unwrap_or(0);
                @let h = 110 * n / top;
                @let x = (slot - first) * step;
                rect x=(x + 1) y=(125 - h) width=(step - 2) height=(h) fill="#8250df" { title { (text::clock(slot * 1_800)) " " (n) } }
                text.hour x=(x + step / 2) y=(121 - h) { (n) }
                @if slot % 2 == 0 { text.hour x=(x + step / 2) y="142" { (text::clock(slot * 1_800)) } }
            }
        }
    }
}
