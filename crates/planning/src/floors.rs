//! Floors of service: how often every village must be seen, more often the poor and remote ones.

use crate::day::Day;
use std::collections::BTreeSet;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{Breach, FloorRow, Limit, Trip};
use xiangyun_model::site::{Site, SiteKind};

/// Visits a week and longest gap in days that a village may ask for.
fn asked(day: &Day<'_>, site: &Site) -> (i64, i64) {
    let rules = &day.county.rules;
    if site.poor || site.remote {
        (rules.floor_visits_week_poor, rules.floor_gap_days_poor)
    } else {
        (rules.floor_visits_week, rules.floor_gap_days)
    }
}

/// Days since the last visit known, and visits in the six days before today.
fn history(day: &Day<'_>, site: &Site) -> Option<(i64, i64)> {
    let service = day.opening.service.iter().find(|s| s.site == site.id.as_str())?;
    let days = service.last_visit?.until(day.date).map_or(0, |span| i64::from(span.get_days()));
    Some((days, i64::from((service.week_bits & 0b0011_1111).count_ones())))
}

fn is_due(day: &Day<'_>, site: &Site) -> bool {
    let (per_week, gap) = asked(day, site);
    history(day, site).is_some_and(|(days, in_week)| days >= gap || (in_week < per_week && days > 1))
}

/// Villages that today's plan must visit to keep their floor.
#[must_use]
pub fn due_today(day: &Day<'_>) -> BTreeSet<SiteId> {
    let villages = day.county.sites_of(SiteKind::Village);
    villages.filter(|&v| day.county.site(v).works_on(day.date) && is_due(day, day.county.site(v))).collect()
}

/// One row for every village point that works today.
#[must_use]
pub fn rows(day: &Day<'_>, trips: &[Trip]) -> Vec<FloorRow> {
    let visited: BTreeSet<&str> = trips
        .iter()
        .flat_map(|t| &t.visits)
        .filter(|v| !(v.load.is_empty() && v.unload.is_empty()))
        .map(|v| v.site.as_str())
        .collect();
    let mut rows: Vec<FloorRow> = day
        .county
        .sites_of(SiteKind::Village)
        .map(|v| day.county.site(v))
        .filter(|site| site.works_on(day.date))
        .map(|site| {
            let (per_week, gap) = asked(day, site);
            FloorRow {
                site: site.id.to_string(),
                per_week: per_week as u32,
                longest_gap_days: gap as u32,
                days_since: history(day, site).map_or(0, |(days, _)| days.max(0) as u32),
                visited: visited.contains(site.id.as_str()),
                due_today: is_due(day, site),
                price_fen: 0,
            }
        })
        .collect();
    rows.sort_by(|a, b| a.site.cmp(&b.site));
    rows
}

/// Floors that today breaks: no goods ask for the visit and none could be fitted in.
#[must_use]
pub fn breaches(rows: &[FloorRow]) -> Vec<Breach> {
    rows.iter()
        .filter(|row| row.due_today && !row.visited)
        .map(|row| Breach {
            kind: "floor".into(),
            subject: row.site.clone(),
            limit: Limit::Price,
            at: row.site.clone(),
        })
        .collect()
}
