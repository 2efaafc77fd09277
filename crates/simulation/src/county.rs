//! A small county for trials: three townships cut from a larger one, straight roads, a plan bounded by steps.

use std::collections::HashMap;
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::plan::Plan;
use xiangyun_model::problem::Problems;
use xiangyun_planning::county::{Files, cut, load};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::travel::{Band, NO_WAY, Table, Travel};
use xiangyun_planning::{closing, generate, night};
use xiangyun_solver::StepsOnly;

/// A planned day.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What it was made from.
    pub inputs: Inputs,
    /// Orders kept back for the day.
    pub later: Vec<OrderRow>,
}

/// Straight lines with a detour at a steady speed, for every profile of the fleet.
#[must_use]
pub fn straight(county: &County) -> Travel {
    let n = county.sites.len();
    let mut names: Vec<&str> = county.vehicles.iter().map(|v| v.profile.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tables = names.into_iter().map(|profile| {
        let (mut seconds, mut metres) = (vec![0; n * n], vec![0; n * n]);
        for (i, a) in county.sites.iter().enumerate() {
            for (j, b) in county.sites.iter().enumerate().filter(|&(j, _)| j != i) {
                let m = a.place.metres_to(b.place) * 1.35;
                let near = m < 100_000.0;
                metres[i * n + j] = if near { m.round() as u32 } else { NO_WAY };
                seconds[i * n + j] = if near { (m / 9.5).ceil() as u32 } else { NO_WAY };
            }
        }
        Table { profile: profile.into(), bands: vec![Band { from_s: 0, seconds, metres }] }
    });
    Travel::new(n, tables.collect()).expect("tables are square over the county's sites")
}

/// Plans a day of a part of the county in `dir`: these stations with at most `villages` villages, every `share`-th order, and
/// of the outbound ones `later_bp` in ten thousand kept back as orders of the day.
///
/// # Errors
/// What is wrong with the county.
pub fn planned(
    dir: &Path,
    stations: &[&str],
    villages: usize,
    share: usize,
    steps: u64,
    seed: u64,
    later_bp: usize,
) -> Result<Planned, Problems> {
    let files = Files::read_dir(dir)?;
    let whole = load(&files)?;
    let county = load(&cut(&files, stations, villages))?;
    let date = county.default_date;
    let records = generate::day(&whole, date, seed, "default").unwrap_or_default();
    let known = |id: &str| county.find_site(id).is_some();
    let own: Vec<_> = records
        .into_iter()
        .filter(|r| known(&r.origin) && known(&r.destination))
        .step_by(share.max(1))
        .collect();
    let mut problems = Problems::new();
    let bytes = orders::write(&own);
    let rows = orders::read("orders.csv", &bytes, Source::Own, &HashMap::new(), &county, date, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let many = rows.len() * later_bp / 10_000;
    let mut later: Vec<OrderRow> = Vec::new();
    let mut kept: Vec<OrderRow> = Vec::new();
    for row in rows {
        let comes = row.order.is_outbound() && row.order.cleared && row.order.ready_s > 9 * 3_600;
        if comes && later.len() < many {
            later.push(row);
        } else {
            kept.push(row);
        }
    }
    let travel = straight(&county);
    let opening = closing::empty(&county, date.yesterday().unwrap_or(date));
    let effort = Effort { steps: Some(steps), time: None, seed, threads: 1 };
    let plan = night::plan(&county, date, &kept, &travel, &opening, &effort, Variant::default(), &StepsOnly);
    Ok(Planned { plan, inputs: Inputs { county, orders: kept, opening, travel }, later })
}
