//! What the calendar does on a date: every effect that a plan is under, in words beside its explanation.

use crate::explain::Explanation;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeSet;
use xiangyun_model::calendar::CalendarKind;
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::Plan;

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// `market`, `festival`, `peak`, `weather`, `truck_limit` or `closed`.
    pub kind: &'static str,
    /// The township's station, or the place that is closed; empty for the whole county.
    pub site: String,
    /// Factor on parcels down in ten-thousandths.
    pub down_bp: i64,
    /// Factor on lots up in ten-thousandths.
    pub up_bp: i64,
    /// Factor on driving speeds in ten-thousandths.
    pub speed_bp: i64,
    /// Hours in which vehicles of `from_kind` and larger are kept out, seconds from midnight.
    pub hours: Option<(i64, i64)>,
    /// Smallest kind of vehicle kept out.
    pub from_kind: &'static str,
    /// The calendar's own words.
    pub note: String,
}

/// Effects on a date at some places, or everywhere.
#[must_use]
pub fn effects(county: &County, date: Date, places: Option<&BTreeSet<SiteId>>) -> Vec<Effect> {
    let stations: Option<BTreeSet<SiteId>> =
        places.map(|all| all.iter().map(|&s| county.station_of(s)).collect());
    let concerns = |site: Option<SiteId>| match (&stations, site) {
        (Some(stations), Some(site)) => stations.contains(&site),
        _ => true,
    };
    let mut all: Vec<Effect> = county
        .calendar
        .iter()
        .filter(|e| e.date == date && concerns(e.site))
        .map(|entry| {
            let (kind, hours, from_kind) = match entry.kind {
                CalendarKind::Market => ("market", None, ""),
                CalendarKind::Festival => ("festival", None, ""),
                CalendarKind::Peak => ("peak", None, ""),
                CalendarKind::Weather => ("weather", None, ""),
                CalendarKind::TruckLimit { from_kind, hours } => {
                    ("truck_limit", Some((hours.from_s, hours.to_s)), from_kind.word())
                }
            };
            Effect {
                kind,
                site: entry.site.map_or(String::new(), |s| county.site(s).id.to_string()),
                down_bp: entry.down_bp,
                up_bp: entry.up_bp,
                speed_bp: entry.speed_bp,
                hours,
                from_kind,
                note: entry.note.clone(),
            }
        })
        .collect();
    for (at, site) in county.sites.iter().enumerate() {
        let asked = places.is_none_or(|p| p.contains(&SiteId::at(at)));
        if asked && site.closed_days.contains(&date) {
            all.push(Effect {
                kind: "closed",
                site: site.id.to_string(),
                down_bp: 10_000,
                up_bp: 10_000,
                speed_bp: 10_000,
                hours: None,
                from_kind: "",
                note: String::new(),
            });
        }
    }
    all
}

/// The places that an explanation speaks of.
#[must_use]
pub fn places(found: &Explanation, plan: &Plan, county: &County) -> BTreeSet<SiteId> {
    let names: Vec<&str> = match found {
        Explanation::Carried { load, .. } => vec![&load.origin, &load.destination],
        Explanation::Left { site, .. } => vec![site],
        Explanation::Stop { visit, .. } => vec![&visit.site],
        Explanation::Vehicle { vehicle, .. } | Explanation::Idle { vehicle } => {
            let trips = plan.trips.iter().filter(|t| t.vehicle == *vehicle);
            trips.flat_map(|t| t.visits.iter().map(|v| v.site.as_str())).collect()
        }
    };
    names.into_iter().filter_map(|n| county.find_site(n)).collect()
}

/// An effect in one line.
#[must_use]
pub fn words(effect: &Effect, zh: bool) -> String {
    let factor = |bp: i64| format!("{}.{:02}", bp / 10_000, bp % 10_000 / 100);
    let (down, up) = (factor(effect.down_bp), factor(effect.up_bp));
    let name = match (effect.kind, zh) {
        ("market", true) => "集日",
        ("market", false) => "market day",
        ("festival", true) => "节日",
        ("festival", false) => "festival",
        ("peak", true) => "高峰",
        ("peak", false) => "peak",
        ("weather", true) => "天气",
        ("weather", false) => "weather",
        ("closed", true) => "歇业",
        ("closed", false) => "closed",
        (_, true) => "货车限行",
        (_, false) => "truck limit",
    };
    let place =
        if effect.site.is_empty() { if zh { "全县" } else { "whole county" } } else { &effect.site };
    let mut text = format!("{name} {place}");
    if let Some((from, to)) = effect.hours {
        let clock = |s: i64| format!("{:02}:{:02}", s / 3600, s / 60 % 60);
        text.push_str(&format!(" {}-{} {}+", clock(from), clock(to), effect.from_kind));
    } else if (effect.down_bp, effect.up_bp) != (10_000, 10_000) {
        text.push_str(&if zh {
            format!("：下行 ×{down}，上行 ×{up}")
        } else {
            format!(": down ×{down}, up ×{up}")
        });
    }
    if effect.speed_bp != 10_000 {
        let speed = factor(effect.speed_bp);
        text.push_str(&if zh { format!("，车速 ×{speed}") } else { format!(", speed ×{speed}") });
    }
    if !effect.note.is_empty() {
        text.push_str(&format!(" ({})", effect.note));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::load_dir;
    use std::path::Path;

    #[test]
    fn a_market_day_is_told_where_it_is_and_nowhere_else() {
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
        let county = load_dir(dir).expect("the committed county");
        let at = |id: &str| BTreeSet::from([county.find_site(id).expect("known")]);
        // 24 November 2026 is a market day at Shiqiao, none at Zhouzhuang.
        let shiqiao = effects(&county, county.default_date, Some(&at("V410421103202")));
        assert!(shiqiao.iter().any(|e| e.kind == "market" && e.site == "S410421103"), "{shiqiao:?}");
        assert!(words(&shiqiao[0], true).contains("上行 ×1.25"), "{}", words(&shiqiao[0], true));
        let zhouzhuang = effects(&county, county.default_date, Some(&at("V410421101204")));
        assert!(zhouzhuang.iter().all(|e| e.kind != "market"), "{zhouzhuang:?}");
    }
}
