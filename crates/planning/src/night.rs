//! The night's work in one call: consolidate, search both tiers, take off what is carried in vain, name everything.

use crate::assemble::{assemble, strip};
use crate::baselines::Mode;
use crate::consolidate::{Chunk, Consolidated, consolidate};
use crate::day::Day;
use crate::floors::due_today;
use crate::orders::OrderRow;
use crate::search::{Candidate, Effort, Kept, Search, Variant};
use crate::timing::Timer;
use crate::travel::Travel;
use jiff::civil::Date;
use xiangyun_model::county::County;
use xiangyun_model::order::Order;
use xiangyun_model::plan::{DayState, Plan};
use xiangyun_model::units::Amount;
use xiangyun_solver::{Control, Problem, Solution};

/// Part of the smallest van's room that one call may fill, in hundredths.
const CALL_PERCENT: i64 = 40;
/// Steps of a comparison that names none.
const DEFAULT_STEPS: u64 = 60_000;

/// Plans a day.
///
/// `rows` are the day's orders and the opening backlog. With `effort.steps` and without `effort.time` no clock influences
/// the result.
#[must_use]
#[allow(clippy::too_many_arguments)] // the whole of a day, each thing once
pub fn plan(
    county: &County,
    date: Date,
    rows: &[OrderRow],
    travel: &Travel,
    opening: &DayState,
    effort: &Effort,
    variant: Variant,
    control: &dyn Control,
) -> Plan {
    let orders: Vec<Order> = rows.iter().map(|row| row.order.clone()).collect();
    let day = Day::new(county, date, &orders, travel, opening);
    let goods = consolidate(&day, chunk(&day));
    let search = Search::new(&day, &goods, due_today(&day), variant);
    finish(&day, &goods, rows, search.run(effort, control))
}

/// Plans a day with less of the engine, or with all of it: what comparisons are made with.
#[must_use]
#[allow(clippy::too_many_arguments)] // the whole of a day, each thing once
pub fn compare(
    mode: &Mode,
    county: &County,
    date: Date,
    rows: &[OrderRow],
    travel: &Travel,
    opening: &DayState,
    effort: &Effort,
    control: &dyn Control,
) -> Plan {
    let orders: Vec<Order> = rows.iter().map(|row| row.order.clone()).collect();
    let day = Day::new(county, date, &orders, travel, opening);
    let goods = consolidate(&day, chunk(&day));
    let variant = Variant {
        fixed_trunk: *mode == Mode::FixedTrunk,
        direct_only: *mode == Mode::DirectOnly,
        own_station_only: false,
    };
    let search = Search::new(&day, &goods, due_today(&day), variant);
    let steps = effort.steps.unwrap_or(DEFAULT_STEPS);
    let best = match mode {
        Mode::Whole | Mode::FixedTrunk | Mode::DirectOnly => search.run(effort, control),
        Mode::NearestNeighbour => search.nearest_neighbour(steps, effort.seed, control),
        Mode::Kept(rounds) => search.fixed_rounds(rounds, steps, effort.seed, control),
    };
    finish(&day, &goods, rows, best)
}

/// Part of a dawn's effort in which nobody drives whom the evening did not call out, in hundredths.
const CALLED_PERCENT: u32 = 60;

/// Plans the dawn: the evening's trips are kept and left only within a budget of moves. Crews that the evening did not
/// call out drive only if something would be left without them.
#[must_use]
#[allow(clippy::too_many_arguments)] // the whole of a day, each thing once
pub fn mend(
    county: &County,
    date: Date,
    rows: &[OrderRow],
    travel: &Travel,
    opening: &DayState,
    kept: &Kept,
    effort: &Effort,
    control: &dyn Control,
) -> Plan {
    let orders: Vec<Order> = rows.iter().map(|row| row.order.clone()).collect();
    let day = Day::new(county, date, &orders, travel, opening);
    let goods = consolidate(&day, chunk(&day));
    let search = |called_only: bool| {
        let mut search = Search::new(&day, &goods, due_today(&day), Variant::default());
        search.keep(kept.clone(), called_only);
        search
    };
    let part = |percent: u32| Effort {
        steps: effort.steps.map(|all| (all * u64::from(percent) / 100).max(400)),
        time: effort.time.map(|all| all * percent / 100),
        ..effort.clone()
    };
    let begun = control.elapsed();
    let first = Effort {
        time: effort.time.map(|all| begun + all.saturating_sub(begun) * CALLED_PERCENT / 100),
        ..part(CALLED_PERCENT)
    };
    let called = search(true).mend(None, &first, control);
    let leaves_nothing = called.chosen().account.left == 0;
    let rest = |all: u64| all.saturating_sub(called.used).max(all * u64::from(100 - CALLED_PERCENT) / 100);
    let second = Effort { steps: effort.steps.map(rest), ..effort.clone() };
    let best = search(leaves_nothing).mend(Some(called), &second, control);
    finish(&day, &goods, rows, best.chosen().clone())
}

/// Plans a day by a pipeline of public parts: villages from their own stations, `peer` for the rounds of each station
/// and for the trunk.
#[must_use]
pub fn pipeline(
    county: &County,
    date: Date,
    rows: &[OrderRow],
    travel: &Travel,
    opening: &DayState,
    peer: &dyn Fn(&Problem) -> Option<Solution>,
) -> Plan {
    let orders: Vec<Order> = rows.iter().map(|row| row.order.clone()).collect();
    let day = Day::new(county, date, &orders, travel, opening);
    let goods = consolidate(&day, chunk(&day));
    let search = Search::new(&day, &goods, due_today(&day), Variant::default());
    finish(&day, &goods, rows, search.pipeline(peer))
}

fn finish(day: &Day<'_>, goods: &Consolidated, rows: &[OrderRow], best: Candidate) -> Plan {
    let (draft, timing) = strip(&Timer { day, cargo: &goods.cargo }, best.draft);
    assemble(day, goods, rows, &draft, &timing)
}

/// The largest call: a part of what the smallest van of the day holds, so that several fit every van.
#[must_use]
pub fn chunk(day: &Day<'_>) -> Chunk {
    let part = |n: i64| n * CALL_PERCENT / 100;
    let rooms = day.crews.iter().filter(|c| !c.trunk).filter_map(|c| {
        let layouts = &day.county.vehicle(c.vehicle).layouts;
        let rooms = layouts.iter().flat_map(|l| &l.compartments).filter(|r| !day.county.band(r.band).cold);
        rooms.map(|r| r.room).max_by_key(|r| r.cm3)
    });
    let least = rooms.min_by_key(|r| r.cm3).unwrap_or(Amount { g: 600_000, cm3: 3_000_000, pieces: 400 });
    Chunk { most: Amount { g: part(least.g), cm3: part(least.cm3), pieces: part(least.pieces) } }
}
