//! Plans to judge ours by: the same fleet, promises, prices and checker, the same orders, less of the engine.
//!
//! (a) each carrier alone, to every village and as today; (b) the nearest neighbour next; (c) the trunk fixed after its
//! first solve; (d) everything straight from the hub; (e) a pipeline of public parts, where its solver is installed;
//! (f) yesterday's rounds kept. The engine itself is handed in, so that a test can judge the bookkeeping with an engine of
//! its own.

use crate::check::Verdict;
use crate::inputs::Inputs;
use crate::orders::{self, OrderRow};
use crate::search::Rounds;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::id::{CarrierId, SiteId};
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{CostTerm, Plan, TripKind};
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;

/// What of the engine a plan is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All of it.
    Whole,
    /// The nearest neighbour next.
    NearestNeighbour,
    /// The trunk fixed after its first solve.
    FixedTrunk,
    /// Rounds from the hub alone.
    DirectOnly,
    /// These rounds, kept.
    Kept(Rounds),
}

/// Makes plans; the same engine for all rows.
pub trait Engine {
    /// What can go wrong.
    type Error;

    /// Plans the given orders of the day of `inputs`, with a budget of steps.
    ///
    /// # Errors
    /// When no plan can be made.
    fn plan(&self, inputs: &Inputs, rows: &[OrderRow], mode: &Mode, steps: u64) -> Result<Plan, Self::Error>;

    /// The plan of the pipeline of public parts (e); `None` where the peer is not installed.
    ///
    /// # Errors
    /// When the peer fails.
    fn pipeline(&self, inputs: &Inputs) -> Result<Option<Plan>, Self::Error>;

    /// Checks a plan of these orders.
    fn check(&self, inputs: &Inputs, rows: &[OrderRow], plan: &Plan) -> Verdict;

    /// The plan of the day before, for its rounds.
    ///
    /// # Errors
    /// When no plan can be made.
    fn day_before(&self, inputs: &Inputs, steps: u64) -> Result<Plan, Self::Error>;
}

/// One baseline, summed over its plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `ours` or the letter.
    pub id: &'static str,
    /// What it is, in Chinese.
    pub name_zh: &'static str,
    /// What it is.
    pub name_en: &'static str,
    /// How many plans it takes: one for each carrier, or one.
    pub plans: u64,
    /// Orders planned.
    pub orders: u64,
    /// Orders served.
    pub served: u64,
    /// The objective in fen; orders not served are paid at their price.
    pub cost_fen: i64,
    /// Metres driven.
    pub metres: i64,
    /// Vehicles used, summed over plans.
    pub vehicles: u64,
    /// Steps of the search in all.
    pub steps: u64,
    /// Whether the independent checker accepts every plan.
    pub ok: bool,
    /// Violations in all.
    pub violations: u64,
    /// Cost against ours, in parts per million above it.
    pub dearer_ppm: i64,
}

impl Row {
    fn new(id: &'static str, name_zh: &'static str, name_en: &'static str) -> Self {
        let (plans, orders, served, cost_fen, metres, vehicles, steps) = (0, 0, 0, 0, 0, 0, 0);
        Self {
            id,
            name_zh,
            name_en,
            plans,
            orders,
            served,
            cost_fen,
            metres,
            vehicles,
            steps,
            ok: true,
            violations: 0,
            dearer_ppm: 0,
        }
    }

    fn add(&mut self, plan: &Plan, verdict: &Verdict, steps: u64) {
        self.plans += 1;
        self.orders += plan.orders;
        self.served += plan.served();
        self.cost_fen += plan.cost_fen;
        self.metres += plan.trips.iter().map(|t| t.metres).sum::<i64>();
        let used: i64 = plan.cost.iter().filter(|c| c.term == CostTerm::Vehicles).map(|c| c.quantity).sum();
        self.vehicles += u64::try_from(used).unwrap_or(0);
        self.steps += steps;
        self.ok &= verdict.ok;
        self.violations += verdict.violations.len() as u64;
    }
}

/// Rows beside our own, by id.
pub const ROWS: [&str; 8] = ["a", "a-today", "b", "c", "d", "e", "f", "ours"];

/// Makes the rows that are `wanted` by id with `steps` each; `ours` is the first and always made. `tell` hears of each row
/// as it is done.
///
/// # Errors
/// What the engine cannot do.
pub fn rows<E: Engine>(
    engine: &E,
    inputs: &Inputs,
    date: Date,
    steps: u64,
    wanted: impl Fn(&str) -> bool,
    mut tell: impl FnMut(&Row),
) -> Result<Vec<Row>, E::Error> {
    let mut all: Vec<Row> = Vec::new();
    let mut done = |mut row: Row, all: &mut Vec<Row>| {
        if let Some(ours) = all.first() {
            row.dearer_ppm = (row.cost_fen - ours.cost_fen) * 1_000_000 / ours.cost_fen.max(1);
        }
        tell(&row);
        all.push(row);
    };
    let whole = |mode: &Mode, mut row: Row| -> Result<Row, E::Error> {
        let plan = engine.plan(inputs, &inputs.orders, mode, steps)?;
        row.add(&plan, &engine.check(inputs, &inputs.orders, &plan), steps);
        Ok(row)
    };
    done(whole(&Mode::Whole, Row::new("ours", "本系统", "ours"))?, &mut all);
    for (id, today) in [("a", false), ("a-today", true)] {
        if wanted(id) {
            done(carriers_alone(engine, inputs, date, steps, today)?, &mut all);
        }
    }
    if wanted("b") {
        let row = Row::new("b", "各乡镇按最近邻依次送", "nearest neighbour in each township");
        done(whole(&Mode::NearestNeighbour, row)?, &mut all);
    }
    if wanted("c") {
        let row = Row::new("c", "干线首解后不再变动", "trunk fixed after its first solve");
        done(whole(&Mode::FixedTrunk, row)?, &mut all);
    }
    if wanted("d") {
        let mut row = Row::new("d", "全部由县中心直送", "all direct from the hub");
        let hub = at_hub(inputs);
        let plan = engine.plan(&hub, &inputs.orders, &Mode::DirectOnly, steps)?;
        row.add(&plan, &engine.check(&hub, &inputs.orders, &plan), steps);
        done(row, &mut all);
    }
    if wanted("e")
        && let Some(plan) = engine.pipeline(inputs)?
    {
        let mut row = Row::new("e", "公开组件流水线（PyVRP）", "pipeline of public parts (PyVRP)");
        row.add(&plan, &engine.check(inputs, &inputs.orders, &plan), 0);
        done(row, &mut all);
    }
    if wanted("f") {
        let kept = Mode::Kept(rounds_of(&engine.day_before(inputs, steps)?, &inputs.county));
        done(whole(&kept, Row::new("f", "沿用前一日线路", "yesterday's rounds kept"))?, &mut all);
    }
    Ok(all)
}

/// The same county with every vehicle and driver at the hub: who delivers straight from there keeps none elsewhere.
fn at_hub(inputs: &Inputs) -> Inputs {
    let mut county = inputs.county.clone();
    let hub = county.hub;
    county.vehicles.iter_mut().for_each(|v| v.base = hub);
    county.drivers.iter_mut().for_each(|d| d.base = hub);
    let mut opening = inputs.opening.clone();
    let name = county.site(hub).id.to_string();
    opening.vehicles.iter_mut().for_each(|v| v.site.clone_from(&name));
    Inputs { county, orders: inputs.orders.clone(), opening, travel: inputs.travel.clone() }
}

/// Each carrier plans its own orders with the whole fleet; as `today`, some only to the township seats.
fn carriers_alone<E: Engine>(
    engine: &E,
    inputs: &Inputs,
    date: Date,
    steps: u64,
    today: bool,
) -> Result<Row, E::Error> {
    let mut row = if today {
        Row::new("a-today", "各企业单独配送（现状：多数只到乡镇）", "each carrier alone, as today")
    } else {
        Row::new("a", "各企业单独配送到村", "each carrier alone, to every village")
    };
    let share = steps / inputs.county.carriers.len().max(1) as u64;
    for (at, carrier) in inputs.county.carriers.iter().enumerate() {
        let own: Vec<OrderRow> =
            inputs.orders.iter().filter(|r| r.order.carrier == CarrierId::at(at)).cloned().collect();
        let own = if today && !carrier.today_villages { at_stations(inputs, date, &own) } else { own };
        if own.is_empty() {
            continue;
        }
        let plan = engine.plan(inputs, &own, &Mode::Whole, share)?;
        row.add(&plan, &engine.check(inputs, &own, &plan), share);
    }
    Ok(row)
}

/// The same orders handed over and collected at the township's station; villagers make the rest of the way. Orders that
/// would then stay where they are drop out.
fn at_stations(inputs: &Inputs, date: Date, rows: &[OrderRow]) -> Vec<OrderRow> {
    let county = &inputs.county;
    let moved =
        |id: SiteId| if county.site(id).kind == SiteKind::Gateway { id } else { county.station_of(id) };
    let records: Vec<OrderRecord> = rows
        .iter()
        .filter(|r| moved(r.order.origin) != moved(r.order.destination))
        .map(|r| OrderRecord {
            origin: county.site(moved(r.order.origin)).id.to_string(),
            destination: county.site(moved(r.order.destination)).id.to_string(),
            window: String::new(),
            ..r.record.clone()
        })
        .collect();
    let mut problems = Problems::new();
    orders::resolve("today", &records, county, date, &mut problems)
}

/// The rounds of a plan: the places of each trip that is no trunk and no line, by vehicle.
#[must_use]
pub fn rounds_of(plan: &Plan, county: &County) -> Rounds {
    let mut by_vehicle: BTreeMap<&str, Vec<(u32, Vec<SiteId>)>> = BTreeMap::new();
    for trip in plan.trips.iter().filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct)) {
        let away = trip.visits.len().saturating_sub(1).max(1);
        let places = trip.visits[1.min(trip.visits.len())..away]
            .iter()
            .filter_map(|v| county.find_site(&v.site))
            .collect();
        by_vehicle.entry(&trip.vehicle).or_default().push((trip.number, places));
    }
    let mut rounds = Rounds::default();
    for (at, vehicle) in county.vehicles.iter().enumerate() {
        let Some(trips) = by_vehicle.get_mut(vehicle.id.as_str()) else { continue };
        trips.sort_by_key(|&(number, _)| number);
        let places = trips.iter().map(|(_, places)| places.clone()).collect();
        rounds.days.push((xiangyun_model::id::VehicleId::at(at), places));
    }
    rounds
}
