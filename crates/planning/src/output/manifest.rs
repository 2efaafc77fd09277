//! Trip manifests (派车交接单): one page a trip, and the whole day in order of departure. Print on A4 or on an 80 mm
//! thermal roll; each stop carries a QR code that opens its driver page.

use super::words::{self, Word};
use super::{OutputFile, Sources, qr, replay, text};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use xiangyun_model::plan::{Handling, Load, Trip, TripKind, Visit};
use xiangyun_model::units::Amount;

const STYLE: &str = include_str!("manifest.css");
/// Switches between the two paper sizes and prints.
const SCRIPT: &str = "function paper(c){document.body.className=c;window.print()}\
    if(location.hash==='#80mm'){document.body.className='roll'}";

/// All manifest files.
pub(super) fn render(sources: &Sources<'_>) -> Vec<OutputFile> {
    let mut trips: Vec<&Trip> = sources.plan.trips.iter().filter(|t| !t.visits.is_empty()).collect();
    trips.sort_by_key(|t| (t.visits[0].depart, t.id.as_str()));
    let mut files: Vec<OutputFile> = trips
        .iter()
        .map(|trip| OutputFile {
            path: format!("manifests/{}.html", file_name(&trip.id)),
            bytes: page(sources, words::MANIFEST, std::slice::from_ref(trip)),
        })
        .collect();
    files.push(OutputFile {
        path: "manifests/all.html".into(),
        bytes: page(sources, words::ALL_MANIFESTS, &trips),
    });
    files
}

/// A trip id as a file name: anything but letters, digits, `-`, `_` and `.` becomes `_`.
fn file_name(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// Chinese with the English small beside it.
fn both(word: Word) -> Markup {
    html! { (word.zh) " " span.en { (word.en) } }
}

fn page(sources: &Sources<'_>, title: Word, trips: &[&Trip]) -> Vec<u8> {
    let plan = sources.plan;
    let markup = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title.zh) " " (plan.date) " " (sources.county.name_zh) }
                style { (PreEscaped(STYLE)) }
            }
            body class="a4" {
                nav.screen {
                    strong { (sources.county.name_zh) " · " (title.zh) } " " span.en { (title.en) } " · " (plan.date)
                    span.buttons {
                        button type="button" onclick="paper('a4')" { (both(words::PRINT_A4)) }
                        button type="button" onclick="paper('roll')" { (both(words::PRINT_80)) }
                    }
                    @if trips.len() > 1 {
                        ol.index {
                            @for trip in trips {
                                li { a href={ "#" (trip.id) } { (index_line(sources, trip)) } }
                            }
                        }
                    }
                }
                @for trip in trips { (sheet(sources, trip)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string().into_bytes()
}

fn index_line(sources: &Sources<'_>, trip: &Trip) -> String {
    let from = trip.visits.first().map_or("", |v| sources.name_zh(&v.site));
    format!(
        "{} {} {} {} {}",
        trip.visits.first().map_or(String::new(), |v| text::clock(v.depart)),
        words::trip_kind(trip.kind).zh,
        trip.id,
        vehicle_name(sources, trip),
        from
    )
}

fn vehicle_name(sources: &Sources<'_>, trip: &Trip) -> String {
    match sources.vehicle(&trip.vehicle) {
        Some(v) if !v.plate.is_empty() => v.plate.clone(),
        _ => trip.vehicle.clone(),
    }
}

fn sheet(sources: &Sources<'_>, trip: &Trip) -> Markup {
    let replayed = replay::trip(sources, trip);
    let kind = words::trip_kind(trip.kind);
    html! {
        section.sheet id=(trip.id) {
            header {
                h1 { (words::MANIFEST.zh) " " span.en { (words::MANIFEST.en) } }
                p.trip { (kind.zh) " " span.en { (kind.en) } " " strong { (trip.id) } }
                (facts(sources, trip))
            }
            table.stops {
                thead {
                    tr {
                        th { (words::NO.zh) }
                        th { (both(words::STOP)) }
                        th { (both(words::TIME)) }
                        th { (both(words::HAND_OVER)) }
                        th { (both(words::TAKE_ON)) }
                        th { (both(words::ON_BOARD)) }
                        th { (both(words::SIGN)) }
                        th { (both(words::SCAN)) }
                    }
                }
                tbody {
                    @for (i, visit) in trip.visits.iter().enumerate() {
                        (stop(sources, trip, visit, i, replayed.after[i]))
                    }
                }
            }
            footer { (notes(sources, trip)) }
        }
    }
}

fn facts(sources: &Sources<'_>, trip: &Trip) -> Markup {
    let plan = sources.plan;
    let first = trip.visits.first();
    let last = trip.visits.last();
    html! {
        dl.facts {
            div { dt { (both(words::DATE)) } dd { (plan.date) } }
            div { dt { (both(words::PLATE)) } dd { (vehicle_name(sources, trip)) " (" (trip.vehicle) ")" } }
            div { dt { (both(words::DRIVER)) } dd { (driver_name(sources, trip)) } }
            div { dt { (both(words::DEPARTS)) } dd.big { (first.map_or(String::new(), |v| text::clock(v.depart))) } }
            div { dt { (both(words::RETURNS)) } dd { (last.map_or(String::new(), |v| text::clock(v.arrive))) } }
            div { dt { (both(words::DISTANCE)) } dd { (text::km(trip.metres)) " " (words::KM.zh) } }
            div { dt { (both(words::STOPS)) } dd { (trip.visits.len().saturating_sub(2)) } }
            div { dt { (both(words::COMPARTMENT)) } dd { (compartments(sources, trip)) } }
            div.wide { dt { (both(words::PLAN)) } dd { (plan.id) } }
        }
    }
}

fn driver_name(sources: &Sources<'_>, trip: &Trip) -> String {
    match &trip.driver {
        // Papers lie about in cabs: the driver's number, never a name or phone.
        Some(id) => sources.driver(id).map_or_else(|| id.clone(), |d| d.id.as_str().to_owned()),
        None => "—".into(),
    }
}

fn compartments(sources: &Sources<'_>, trip: &Trip) -> String {
    trip.compartments
        .iter()
        .map(|c| {
            let kg = c.capacity.g / 1000;
            format!("{} {} m³ {kg} kg", band_zh(sources, &c.band), text::m3(c.capacity.cm3))
        })
        .collect::<Vec<_>>()
        .join("；")
}

fn stop(sources: &Sources<'_>, trip: &Trip, visit: &Visit, index: usize, after: Amount) -> Markup {
    let last = index + 1 == trip.visits.len();
    let link =
        format!("{}/d/{}/{}", sources.county.public_url.trim_end_matches('/'), sources.plan.id, visit.id);
    html! {
        tr.end[index == 0 || last] {
            td.no { (index) }
            td.site {
                strong { (sources.name_zh(&visit.site)) }
                br;
                span.en { (sources.name_en(&visit.site)) }
                @if let Some(dock) = visit.dock { br; (words::DOCK.zh) " " (dock) }
            }
            td.time {
                strong { (text::clock(visit.arrive)) "—" (text::clock(visit.depart)) }
                @if !last && visit.latest > visit.start {
                    br; span.small { (words::LATEST.zh) " " (text::clock(visit.latest)) }
                }
            }
            td { (handlings(sources, trip, index, &visit.unload, false)) }
            td { (handlings(sources, trip, index, &visit.load, true)) }
            td.sum {
                @if !last { (after.pieces) " " (words::PIECES.zh) br; (text::kg(after.g)) " " (words::KG.zh) }
            }
            td.sign {}
            td.code {
                @if let Some(svg) = qr::svg(&link) { (PreEscaped(svg)) }
                div.small { (visit.id) }
            }
        }
    }
}

/// Goods of one stop in groups that one hand movement settles: what boards, by the stop where it leaves again, the
/// first to load on top (the last stop of the trip); what leaves at the end, by where it boarded; else by compartment.
fn handlings(sources: &Sources<'_>, trip: &Trip, index: usize, list: &[Handling], boards: bool) -> Markup {
    let mut groups: BTreeMap<(Reverse<usize>, &str), Vec<&Load>> = BTreeMap::new();
    for handling in list {
        let Some(load) = sources.load(&handling.load) else { continue };
        let others = trip.visits.iter().enumerate();
        let other = if boards {
            others
                .filter(|&(at, v)| at > index && v.unload.iter().any(|h| h.load == handling.load))
                .map(|(at, _)| at)
                .next()
        } else {
            others
                .filter(|&(at, v)| at < index && v.load.iter().any(|h| h.load == handling.load))
                .map(|(at, _)| at)
                .next_back()
        };
        groups.entry((Reverse(other.unwrap_or(0)), handling.compartment.as_str())).or_default().push(load);
    }
    let several = groups.len() > 1 || index == 0;
    html! {
        @for ((other, compartment), loads) in &groups {
            @let sum: Amount = loads.iter().map(|l| l.amount).sum();
            @let units: i64 = loads.iter().map(|l| l.units).sum();
            div.load {
                @if several && other.0 > 0 && other.0 + 1 < trip.visits.len() {
                    strong.to { (if boards { "→ " } else { "← " }) (other.0) " " (short(sources.name_zh(&trip.visits[other.0].site))) } " "
                }
                strong { (sum.pieces) " " (words::PIECES.zh) } " / " (units) " " (words::UNITS.zh)
                " · " (text::kg(sum.g)) " " (words::KG.zh)
                @if trip.compartments.len() > 1 { " · " (band_zh(sources, compartment)) }
                @for (mark, pieces) in marks(sources, loads) { " " span.mark { (mark) " " (pieces) } }
                div.ids { (loads.iter().map(|l| l.id.as_str()).collect::<Vec<_>>().join(" ")) }
            }
        }
    }
}

/// A place without the words that every place of its kind has.
fn short(name: &str) -> &str {
    ["物流服务点", "物流中转站"].iter().fold(name, |name, tail| name.strip_suffix(tail).unwrap_or(name))
}

/// A compartment by the Chinese name of its band.
fn band_zh<'a>(sources: &Sources<'a>, compartment: &'a str) -> &'a str {
    let band = sources.county.bands.iter().find(|b| b.id.as_str() == compartment);
    band.map_or(compartment, |b| b.name_zh.as_str())
}

/// Warnings of a group with the pieces that each is for: cold chain, fragile and other goods by their own names.
fn marks(sources: &Sources<'_>, loads: &[&Load]) -> Vec<(String, i64)> {
    let mut out: Vec<(String, i64)> = Vec::new();
    let mut add = |name: &str, pieces: i64| match out.iter_mut().find(|(known, _)| known == name) {
        Some((_, sum)) => *sum += pieces,
        None => out.push((name.to_owned(), pieces)),
    };
    for load in loads {
        if let Some(band) = sources.county.bands.iter().find(|b| b.id.as_str() == load.band && b.cold) {
            add(&band.name_zh, load.amount.pieces);
            continue;
        }
        let named: Vec<&str> = load
            .goods
            .iter()
            .filter(|id| id.as_str() != "parcel")
            .filter_map(|id| sources.county.classes.iter().find(|c| c.id.as_str() == id))
            .map(|class| class.name_zh.as_str())
            .collect();
        if !named.is_empty() {
            add(&named.join("、"), load.amount.pieces);
        }
    }
    out
}

fn notes(sources: &Sources<'_>, trip: &Trip) -> Markup {
    let duty = trip.driver.as_ref().and_then(|d| sources.plan.duties.iter().find(|x| &x.driver == d));
    let span = trip.visits.first().map(|v| v.arrive).zip(trip.visits.last().map(|v| v.depart));
    html! {
        @if let (Some(duty), Some((from, to))) = (duty, span) {
            @for rest in duty.rests.iter().filter(|r| r.from >= from && r.to <= to) {
                p { (both(words::REST)) " " (text::clock(rest.from)) "—" (text::clock(rest.to)) " " (sources.name_zh(&rest.site)) }
            }
        }
        @if trip.kind == TripKind::Line { p { (both(words::trip_kind(trip.kind))) } }
        (origin_note(sources))
    }
}

/// Says on every page what is not surveyed.
pub(super) fn origin_note(sources: &Sources<'_>) -> Markup {
    let estimated = sources.county.sites.iter().filter(|s| s.coord_source == "estimated").count();
    html! {
        @if sources.map.synthetic_roads {
            p.note { (both(words::SYNTHETIC)) }
        } @else if estimated > 0 {
            p.note { (both(words::SYNTHETIC_POINTS)) " (" (estimated) "/" (sources.county.sites.len()) ")" }
        }
    }
}
