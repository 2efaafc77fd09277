//! The day on one page: figures, map, charts, tables. Self-contained: no font, tile or script from outside, so it opens
//! from a memory stick in an office with no internet.

use super::kpi::Kpi;
use super::manifest::origin_note;
use super::words::{self, Word};
use super::{Sources, charts, map, text};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;
use xiangyun_model::plan::{Limit, RepairAction, TripKind};

const STYLE: &str = include_str!("overview.css");
const SCRIPT: &str = include_str!("overview.js");
/// Most rows of the table of orders left; the rest is in `unassigned.csv`.
const LEFT_ROWS_MAX: usize = 200;

/// `overview.html`.
pub(super) fn render(sources: &Sources<'_>, kpis: &[Kpi]) -> Vec<u8> {
    let plan = sources.plan;
    let markup = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (sources.county.name_zh) " " (words::OVERVIEW.zh) " " (plan.date) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (sources.county.name_zh) " · " (words::OVERVIEW.zh) " " span.en { (sources.county.name_en) " · " (words::OVERVIEW.en) } }
                    p { (plan.date) " · " (words::PLAN.zh) " " code { (plan.id) } " · "
                        a href="manifests/all.html" { (words::GO_MANIFESTS.zh) " " span.en { (words::GO_MANIFESTS.en) } } }
                    (origin_note(sources))
                }
                (cards(sources, kpis))
                section.wide {
                    (heading(words::MAP))
                    div.tools {
                        label { (words::SEARCH.zh) " " input #find type="search" placeholder=(words::SEARCH_HINT.zh); }
                        span #layers {
                            @for (class, word) in [("trunk", words::trip_kind(TripKind::Trunk)), ("round", words::trip_kind(TripKind::Round)),
                                ("direct", words::trip_kind(TripKind::Direct)), ("line", words::trip_kind(TripKind::Line))] {
                                label { input type="checkbox" checked data-layer=(class); " " (word.zh) " " span.en { (word.en) } }
                            }
                        }
                    }
                    div.mapbox { (map::svg(sources)) pre #detail data-hint=(words::MAP_HINT.zh) { (words::MAP_HINT.zh) "\n" (words::MAP_HINT.en) } }
                }
                section.wide { (heading(words::TIMELINE)) (charts::timeline(sources)) }
                section { (heading(words::COST_TERMS)) (charts::cost(sources)) }
                section { (heading(words::ARRIVALS)) (charts::arrivals(sources)) }
                section { (heading(words::FILL)) (charts::fill(sources)) }
                section { (heading(words::STATIONS)) (stations(sources)) }
                section { (heading(words::SCARCE)) (scarce(sources)) }
                section { (heading(words::UNASSIGNED)) (left(sources)) }
                section.wide { (heading(words::KPI)) (kpi_table(kpis)) }
                script type="application/json" id="trips" { (PreEscaped(trip_data(sources))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string().into_bytes()
}

fn heading(word: Word) -> Markup {
    html! { h2 { (word.zh) " " span.en { (word.en) } } }
}

fn cards(sources: &Sources<'_>, kpis: &[Kpi]) -> Markup {
    let plan = sources.plan;
    let find = |id: &str| kpis.iter().find(|k| k.id == id).map_or(0.0, |k| k.value);
    let percent = |id: &str| format!("{:.1}%", find(id) * 100.0);
    let card = |word: Word, value: String, unit: &str| {
        html! {
            div.card { span.k { (word.zh) " " span.en { (word.en) } } strong { (value) } " " (unit) }
        }
    };
    html! {
        div.cards {
            (card(words::ORDERS, text::grouped(i64::try_from(plan.orders).unwrap_or(i64::MAX)), ""))
            (card(words::SERVED, format!("{} ({})", text::grouped(i64::try_from(plan.served()).unwrap_or(i64::MAX)), percent("served_ratio")), ""))
            (card(words::BOUND, text::grouped(i64::try_from(plan.bounds.served_at_most).unwrap_or(i64::MAX)), ""))
            (card(words::COST, text::grouped(plan.cost_fen / 100), words::YUAN.zh))
            (card(Word { zh: "单件费用", en: "Cost per piece" }, format!("{:.2}", find("cost_per_parcel_fen") / 100.0), words::YUAN.zh))
            (card(words::VEHICLES, format!("{}", find("vehicles") as i64), ""))
            (card(words::DISTANCE, format!("{:.0}", find("km")), words::KM.zh))
            (card(Word { zh: "准时率", en: "On time" }, percent("on_time"), ""))
            (card(Word { zh: "8 小时覆盖", en: "Coverage in 8 h" }, percent("coverage_8h"), ""))
            (card(Word { zh: "空驶率", en: "Empty km" }, percent("empty_km_ratio"), ""))
            (card(Word { zh: "去程 / 回程满载", en: "Fill out / back" }, format!("{} / {}", percent("load_factor_down"), percent("load_factor_up")), ""))
        }
    }
}

fn stations(sources: &Sources<'_>) -> Markup {
    html! {
        table {
            thead { tr { th { (words::STATION.zh) } th.n { (words::ORDERS.zh) } th.n { (words::SERVED.zh) } th.n { (words::BOUND.zh) } th.n { (words::TRIPS.zh) } } }
            tbody {
                @for row in &sources.plan.bounds.by_township {
                    @let trips = sources.plan.trips.iter().filter(|t| t.visits.first().is_some_and(|v| v.site == row.station)).count();
                    tr { td { (sources.name_zh(&row.station)) " " span.en { (sources.name_en(&row.station)) } }
                        td.n { (row.orders) } td.n { (row.served) } td.n { (row.served_at_most) } td.n { (trips) } }
                }
            }
        }
    }
}

fn scarce(sources: &Sources<'_>) -> Markup {
    html! {
        @if sources.plan.bounds.scarce.is_empty() { p { (words::NONE.zh) " " span.en { (words::NONE.en) } } } @else {
            table {
                thead { tr { th { (words::RESOURCE.zh) } th.n { (words::LEFT.zh) } th.n { (words::ONE_MORE.zh) } } }
                tbody { @for s in &sources.plan.bounds.scarce { tr { td { (words::resource(&s.resource).0) " " span.en { (s.resource) } } td.n { (s.orders_left) } td.n { (s.one_more_serves) } } } }
            }
        }
    }
}

/// Orders left, those with the same place, binding limit and repair on one row.
fn left(sources: &Sources<'_>) -> Markup {
    // Number of orders, what the repair costs, one of the orders.
    type Group<'a> = (usize, i64, &'a str);
    let mut groups: BTreeMap<(&str, Option<Limit>, RepairAction), Group<'_>> = BTreeMap::new();
    for u in &sources.plan.unassigned {
        let limit = u
            .reasons
            .iter()
            .filter(|r| r.vehicle_kind != "line")
            .max_by_key(|r| crate::unserved::nearness(r))
            .map(|r| r.limit);
        let entry =
            groups.entry((u.site.as_str(), limit, u.repair.action)).or_insert((0, 0, u.order.as_str()));
        entry.0 += 1;
        entry.1 += u.repair.cost_fen;
    }
    html! {
        @if groups.is_empty() { p { (words::NONE.zh) " " span.en { (words::NONE.en) } } } @else {
            table {
                thead { tr { th { (words::STOP.zh) } th.n { (words::ORDERS.zh) } th { (words::REASON.zh) } th { (words::REPAIR.zh) } th.n { (words::YUAN.zh) } } }
                tbody {
                    @for ((site, limit, action), (n, fen, example)) in groups.iter().take(LEFT_ROWS_MAX) {
                        tr { td { (sources.name_zh(site)) " " span.en { (example) } } td.n { (n) }
                            td { (limit.map_or("", |l| words::limit(l).zh)) } td { (words::repair(*action).zh) } td.n { (text::grouped(fen / 100)) } }
                    }
                }
            }
            @if groups.len() > LEFT_ROWS_MAX { p { "… unassigned.csv" } }
        }
    }
}

fn kpi_table(kpis: &[Kpi]) -> Markup {
    html! {
        table {
            thead { tr { th { (words::KPI.zh) } th.n { (words::VALUE.zh) } th { (words::FORMULA.zh) } } }
            tbody {
                @for k in kpis {
                    tr { td { code { (k.id) } } td.n { (k.value) " " (k.unit) } td.small { (k.formula) " = " (k.numerator) " / " (k.denominator) @if k.missing > 0 { " (missing " (k.missing) ")" } } }
                }
            }
        }
    }
}

/// What the page's script shows of a trip, as JSON that is safe inside a script element.
fn trip_data(sources: &Sources<'_>) -> String {
    let rows: BTreeMap<&str, String> = sources
        .plan
        .trips
        .iter()
        .map(|trip| {
            let mut lines = vec![format!(
                "{} {} {} {} · {} km",
                words::trip_kind(trip.kind).zh,
                trip.id,
                trip.vehicle,
                trip.driver.as_deref().unwrap_or(""),
                text::km(trip.metres)
            )];
            for v in &trip.visits {
                lines.push(format!(
                    "{}—{} {} {}",
                    text::clock(v.arrive),
                    text::clock(v.depart),
                    sources.name_zh(&v.site),
                    handled(v.unload.len(), v.load.len())
                ));
            }
            (trip.id.as_str(), lines.join("\n"))
        })
        .collect();
    serde_json::to_string(&rows).expect("plain data").replace('<', "\\u003c")
}

fn handled(off: usize, on: usize) -> String {
    match (off, on) {
        (0, 0) => String::new(),
        (off, 0) => format!("↓{off}"),
        (0, on) => format!("↑{on}"),
        (off, on) => format!("↓{off} ↑{on}"),
    }
}
