//! The day planned again as a county asks about it: one van fewer, one more chilled section, a line added or cut, a
//! station closed, more parcels, earlier promises. Each case is the day's inputs with one thing changed.

use crate::check::{self, Verdict};
use crate::inputs::Inputs;
use crate::night;
use crate::orders::OrderRow;
use crate::search::{Effort, Variant};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::id::Code;
use xiangyun_model::order::OrderKind;
use xiangyun_model::plan::{CostTerm, Plan, TripKind};
use xiangyun_model::site::SiteKind;
use xiangyun_solver::Control;

/// One question.
pub struct Case {
    /// Short name.
    pub id: &'static str,
    /// What is changed, in Chinese.
    pub name_zh: String,
    /// What is changed.
    pub name_en: String,
    /// The county then.
    pub county: County,
    /// The orders then.
    pub rows: Vec<OrderRow>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Short name; `as-is` for the day unchanged.
    pub id: String,
    /// What is changed, in Chinese.
    pub name_zh: String,
    /// What is changed.
    pub name_en: String,
    /// Orders planned.
    pub orders: u64,
    /// Orders served.
    pub served: u64,
    /// The objective in fen.
    pub cost_fen: i64,
    /// Against the day unchanged, in fen.
    pub dearer_fen: i64,
    /// Lateness priced, in fen.
    pub late_fen: i64,
    /// Vehicles used.
    pub vehicles: u64,
    /// Whether the checker accepts it.
    pub ok: bool,
}

/// The row of a plan.
fn row(id: &str, names: (&str, &str), plan: &Plan, verdict: &Verdict, as_is_fen: i64) -> Row {
    let term = |term: CostTerm| plan.cost.iter().filter(move |c| c.term == term);
    Row {
        id: id.to_owned(),
        name_zh: names.0.to_owned(),
        name_en: names.1.to_owned(),
        orders: plan.orders,
        served: plan.served(),
        cost_fen: plan.cost_fen,
        dearer_fen: plan.cost_fen - as_is_fen,
        late_fen: term(CostTerm::Lateness).map(|c| c.fen).sum(),
        vehicles: term(CostTerm::Vehicles).map(|c| u64::try_from(c.quantity).unwrap_or(0)).sum(),
        ok: verdict.ok,
    }
}

/// Plans the day as it is and then every case that its inputs allow, each with the same effort; stops between two cases.
#[must_use]
pub fn what_if(plan: &Plan, inputs: &Inputs, effort: &Effort, control: &dyn Control) -> Vec<Row> {
    let date = plan.date;
    let make = |county: &County, rows: &[OrderRow]| {
        let Inputs { travel, opening, .. } = inputs;
        let plan = night::plan(county, date, rows, travel, opening, effort, Variant::default(), control);
        let then = Inputs {
            county: county.clone(),
            orders: rows.to_vec(),
            opening: opening.clone(),
            travel: travel.clone(),
        };
        let verdict = check::check(&plan, &then);
        (plan, verdict)
    };
    let (as_is, verdict) = make(&inputs.county, &inputs.orders);
    let as_is_fen = as_is.cost_fen;
    let mut rows = vec![row("as-is", ("照原样", "as it is"), &as_is, &verdict, as_is_fen)];
    for case in cases(plan, inputs, date) {
        if control.stopped() {
            break;
        }
        let (plan, verdict) = make(&case.county, &case.rows);
        rows.push(row(case.id, (&case.name_zh, &case.name_en), &plan, &verdict, as_is_fen));
    }
    rows
}

/// The cases that a county's inputs allow.
#[must_use]
pub fn cases(plan: &Plan, inputs: &Inputs, date: Date) -> Vec<Case> {
    let county = &inputs.county;
    let same = |id, zh: String, en: String, county: County| Case {
        id,
        name_zh: zh,
        name_en: en,
        county,
        rows: inputs.orders.clone(),
    };
    let mut all = Vec::new();
    if let Some(van) = least_used(plan, county) {
        let mut less = county.clone();
        less.vehicles.retain(|v| v.id.as_str() != van);
        all.push(same("van-fewer", format!("少一辆车（{van}）"), format!("one van fewer ({van})"), less));
    }
    if let Some((van, more)) = more_cold(county) {
        all.push(same(
            "cold-more",
            format!("多一个冷藏厢（{van}）"),
            format!("one more chilled section ({van})"),
            more,
        ));
    }
    if let Some((name, more, less)) = lines(county) {
        all.push(same(
            "line-more",
            format!("客货邮线路加一班（{name}，晚两小时）"),
            format!("one more departure of line {name}, two hours later"),
            more,
        ));
        all.push(same("line-fewer", format!("停一条客货邮线路（{name}）"), format!("line {name} cut"), less));
    }
    if let Some((name, closed)) = station_closed(county, date) {
        all.push(same(
            "station-closed",
            format!("关一个乡镇站（{name}）"),
            format!("station closed ({name})"),
            closed,
        ));
    }
    all.push(Case {
        id: "parcels-30",
        name_zh: "包裹多三成".into(),
        name_en: "+30 % parcels".into(),
        county: county.clone(),
        rows: more_parcels(&inputs.orders),
    });
    all.push(Case {
        id: "hour-earlier",
        name_zh: "全部承诺提前一小时".into(),
        name_en: "all promises one hour earlier".into(),
        county: county.clone(),
        rows: inputs
            .orders
            .iter()
            .map(|r| {
                let mut row = r.clone();
                row.order.promise_s = (row.order.promise_s - 3600).max(row.order.ready_s);
                row
            })
            .collect(),
    });
    all
}

/// The vehicle of rounds that drives least in the plan.
fn least_used<'a>(plan: &'a Plan, county: &County) -> Option<&'a str> {
    let mut metres: BTreeMap<&str, i64> = BTreeMap::new();
    for trip in plan.trips.iter().filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct)) {
        *metres.entry(&trip.vehicle).or_default() += trip.metres;
    }
    let known = |id: &str| county.vehicles.iter().any(|v| v.id.as_str() == id);
    metres.into_iter().filter(|(id, _)| known(id)).min_by_key(|&(id, m)| (m, id)).map(|(id, _)| id)
}

/// A van without a cold room gets the layouts of one of its kind that can have one.
fn more_cold(county: &County) -> Option<(String, County)> {
    let cold = |v: &xiangyun_model::fleet::Vehicle| {
        v.layouts.iter().flat_map(|l| &l.compartments).any(|c| county.band(c.band).cold)
    };
    let (at, from) = county.vehicles.iter().enumerate().filter(|(_, v)| !cold(v)).find_map(|(i, v)| {
        let like = county.vehicles.iter().find(|o| o.kind == v.kind && o.layouts.len() > 1 && cold(o))?;
        Some((i, like))
    })?;
    let mut more = county.clone();
    more.vehicles[at].layouts.clone_from(&from.layouts);
    Some((county.vehicles[at].id.to_string(), more))
}

/// A line with a departure more, and without any.
fn lines(county: &County) -> Option<(String, County, County)> {
    let first = county.line_trips.first()?;
    let name = first.line.clone();
    let mut more = county.clone();
    let mut added = first.clone();
    added.id = Code::parse(&format!("{}-more", first.id)).ok()?;
    for stop in &mut added.stops {
        stop.arrive_s += 7200;
        stop.depart_s += 7200;
    }
    added.closes_s = first.closes_s;
    more.line_trips.push(added);
    let mut less = county.clone();
    less.line_trips.retain(|t| t.line != name);
    Some((name, more, less))
}

/// The station with the fewest villages is closed for the day.
fn station_closed(county: &County, date: Date) -> Option<(String, County)> {
    let villages = |s| county.sites_of(SiteKind::Village).filter(|&v| county.station_of(v) == s).count();
    let station = county
        .sites_of(SiteKind::Station)
        .filter(|&s| county.site(s).works_on(date))
        .min_by_key(|&s| (villages(s), s))?;
    let mut closed = county.clone();
    closed.sites[station.index()].closed_days.push(date);
    Some((county.site(station).name_zh.clone(), closed))
}

/// Three more parcels down for every ten, like those that are there.
fn more_parcels(rows: &[OrderRow]) -> Vec<OrderRow> {
    let mut all = rows.to_vec();
    let down = rows.iter().filter(|r| r.order.kind == OrderKind::Down).enumerate();
    for (i, row) in down.filter(|(i, _)| i % 10 < 3) {
        let mut row = row.clone();
        row.record.id = format!("X{i}-{}", row.record.id);
        if let Ok(id) = Code::parse(&row.record.id) {
            row.order.id = id;
            all.push(row);
        }
    }
    all
}
