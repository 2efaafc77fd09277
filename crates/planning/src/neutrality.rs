//! Whether the alliance serves all carriers and all villages alike: delay, refusal and share by carrier and by group of
//! villages, and the longest days without service. One tenant ranks above another nowhere in the engine; this shows it.

use crate::inputs::Inputs;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::Plan;
use xiangyun_model::site::SiteKind;

/// A group of villages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Marked poor.
    Poor,
    /// Marked remote and not poor.
    Remote,
    /// All others, stations and parks too.
    Other,
}

/// Service to one carrier, or one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Orders.
    pub orders: u64,
    /// Of all orders, in thousandths.
    pub share_pm: u64,
    /// Orders served.
    pub served: u64,
    /// Orders left or deferred, in thousandths of its own.
    pub refused_pm: u64,
    /// Orders handed over in time, in thousandths of those served.
    pub on_time_pm: u64,
    /// Mean time from ready to handed over, in minutes, of those served.
    pub way_min: i64,
    /// Mean lateness of those that are late, in minutes.
    pub late_min: i64,
    #[serde(skip)]
    late: (i64, i64),
    #[serde(skip)]
    way_s: i64,
    #[serde(skip)]
    in_time: u64,
}

/// Days without service of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// The group.
    pub group: Group,
    /// Village points in it.
    pub villages: u64,
    /// Visited on the last day.
    pub visited: u64,
    /// Longest days since a visit, the last day included.
    pub longest_days: i64,
    /// Villages past what their floor allows.
    pub past_floor: u64,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Days looked at.
    pub days: u64,
    /// By carrier.
    pub carriers: BTreeMap<String, Service>,
    /// By group of villages.
    pub groups: BTreeMap<Group, Service>,
    /// Days without service after the last plan.
    pub gaps: Vec<Gaps>,
    /// Largest difference between carriers in orders refused, in thousandths.
    pub refusal_spread_pm: u64,
    /// Largest difference between carriers in orders on time, in thousandths.
    pub on_time_spread_pm: u64,
}

fn group(inputs: &Inputs, site: SiteId) -> Group {
    let site = inputs.county.site(site);
    match (site.kind, site.poor, site.remote) {
        (SiteKind::Village, true, _) => Group::Poor,
        (SiteKind::Village, false, true) => Group::Remote,
        _ => Group::Other,
    }
}

/// Reports over plans in order of date.
#[must_use]
pub fn report(days: &[(Plan, Inputs)]) -> Report {
    let mut carriers: BTreeMap<String, Service> = BTreeMap::new();
    let mut groups: BTreeMap<Group, Service> = BTreeMap::new();
    let mut all = 0;
    for (plan, inputs) in days {
        let county = &inputs.county;
        let mut arrives: HashMap<&str, (i64, i64)> = HashMap::new();
        for load in &plan.loads {
            for order in &load.orders {
                arrives.insert(order, (load.arrives, load.due));
            }
        }
        for row in &inputs.orders {
            let order = &row.order;
            let far = if order.is_outbound() { order.origin } else { order.destination };
            let found = arrives.get(order.id.as_str()).copied();
            all += 1;
            for service in [
                carriers.entry(county.carrier(order.carrier).id.to_string()).or_default(),
                groups.entry(group(inputs, far)).or_default(),
            ] {
                service.orders += 1;
                if let Some((at, due)) = found {
                    service.served += 1;
                    service.way_s += at - order.ready_s;
                    service.in_time += u64::from(at <= due);
                    if at > due {
                        service.late.0 += at - due;
                        service.late.1 += 1;
                    }
                }
            }
        }
    }
    for service in carriers.values_mut().chain(groups.values_mut()) {
        let served = service.served.max(1);
        service.share_pm = service.orders * 1000 / u64::max(all, 1);
        service.refused_pm = (service.orders - service.served) * 1000 / service.orders.max(1);
        service.on_time_pm = service.in_time * 1000 / served;
        service.way_min = service.way_s / 60 / i64::try_from(served).unwrap_or(1);
        service.late_min = service.late.0 / 60 / service.late.1.max(1);
    }
    let spread = |of: &dyn Fn(&Service) -> u64| {
        let all: Vec<u64> = carriers.values().filter(|s| s.orders > 0).map(of).collect();
        all.iter().max().copied().unwrap_or(0) - all.iter().min().copied().unwrap_or(0)
    };
    let (refusal_spread_pm, on_time_spread_pm) = (spread(&|s| s.refused_pm), spread(&|s| s.on_time_pm));
    let gaps = days.last().map_or_else(Vec::new, |(plan, inputs)| gaps(plan, inputs));
    Report { days: days.len() as u64, carriers, groups, gaps, refusal_spread_pm, on_time_spread_pm }
}

fn gaps(plan: &Plan, inputs: &Inputs) -> Vec<Gaps> {
    let mut all: BTreeMap<Group, Gaps> = BTreeMap::new();
    for row in &plan.floors {
        let Some(site) = inputs.county.find_site(&row.site) else { continue };
        let group = group(inputs, site);
        let gaps = all.entry(group).or_insert(Gaps {
            group,
            villages: 0,
            visited: 0,
            longest_days: 0,
            past_floor: 0,
        });
        let since = if row.visited { 0 } else { i64::from(row.days_since) };
        gaps.villages += 1;
        gaps.visited += u64::from(row.visited);
        gaps.longest_days = gaps.longest_days.max(since);
        gaps.past_floor += u64::from(since > i64::from(row.longest_gap_days));
    }
    all.into_values().collect()
}
