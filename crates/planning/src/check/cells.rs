//! Re-derives cells of the travel tables on the road network itself, by plain Dijkstra.

use super::{Faults, Verdict, Violation};
use crate::inputs::Inputs;
use std::collections::BTreeSet;
use xiangyun_model::calendar::slowed_s;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_roads::{Network, RoadsError};

/// How many cells are derived again.
pub const CELLS: usize = 500;

/// A cell: table, band, from, to.
type Cell = (usize, usize, usize, usize);

/// Derives [`CELLS`] cells again: half of them legs that the plan drives, evenly spread, the rest spread over all
/// tables. The choice depends on the plan alone.
///
/// # Errors
/// What the network cannot answer, such as a profile that it does not have.
pub fn check_cells(plan: &Plan, inputs: &Inputs, network: &Network) -> Result<Verdict, RoadsError> {
    let mut faults = Faults::default();
    let n = inputs.county.sites.len();
    for (table, band, from, to) in choose(plan, inputs) {
        let stated = &inputs.travel.tables[table].bands[band];
        let (Some(&s), Some(&m)) = (stated.seconds.get(from * n + to), stated.metres.get(from * n + to))
        else {
            continue;
        };
        let profile = network.profile(&inputs.travel.tables[table].profile)?;
        let begins_s = stated.from_s.clamp(0, 86_399);
        let clock = jiff::civil::Time::midnight().saturating_add(jiff::SignedDuration::from_secs(begins_s));
        let network_band = network.band_at(plan.date.to_datetime(clock));
        let (a, b) = (&inputs.county.sites[from], &inputs.county.sites[to]);
        let derived = match network.plain_cell(profile, network_band, a.place, b.place) {
            Ok(cell) => cell,
            // A site with no road near is a row without cells, in the tables too.
            Err(other) if other.code() == "R014" => None,
            Err(other) => return Err(other),
        };
        let speed = |at: usize| inputs.county.speed_bp(plan.date, SiteId::at(at));
        let derived = derived.map(|(s, m)| (slowed_s(s, speed(from).min(speed(to))), m));
        let stated = (s != u32::MAX).then_some((s, m));
        if derived != stated {
            let show =
                |cell: Option<(u32, u32)>| cell.map_or("no way".to_owned(), |(s, m)| format!("{s} s {m} m"));
            let at = format!("{} {} to {}", inputs.travel.tables[table].profile, a.id, b.id);
            faults.add("P253", at, show(stated), show(derived));
        }
    }
    Ok(Verdict::of(faults.0))
}

/// The verdict on a plan and the verdict on its cells together.
#[must_use]
pub fn both(plan: Verdict, cells: Verdict) -> Verdict {
    let all: Vec<Violation> = plan.violations.into_iter().chain(cells.violations).collect();
    Verdict::of(all)
}

fn choose(plan: &Plan, inputs: &Inputs) -> BTreeSet<Cell> {
    let n = inputs.county.sites.len();
    let position = |id: &str| inputs.county.find_site(id).map(SiteId::index);
    let mut driven: BTreeSet<Cell> = BTreeSet::new();
    for trip in plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
        let Some(table) = inputs.travel.profile(&trip.profile) else { continue };
        let band = trip.band as usize;
        if band >= inputs.travel.tables[table].bands.len() {
            continue;
        }
        for pair in trip.visits.windows(2) {
            if let (Some(from), Some(to)) = (position(&pair[0].site), position(&pair[1].site)) {
                driven.insert((table, band, from, to));
            }
        }
    }
    let step = driven.len().div_ceil(CELLS / 2).max(1);
    let mut chosen: BTreeSet<Cell> = driven.into_iter().step_by(step).collect();
    // A walk by a step that shares no factor with the number of cells meets each once; the golden ratio spreads it.
    let bands: Vec<(usize, usize)> = inputs
        .travel
        .tables
        .iter()
        .enumerate()
        .flat_map(|(t, table)| (0..table.bands.len()).map(move |b| (t, b)))
        .collect();
    let total = bands.len() * n * n;
    let stride = (total as f64 * 0.618_033_988_75) as usize | 1;
    let mut at = 0;
    for _ in 0..total.min(8 * CELLS) {
        if chosen.len() >= CELLS {
            break;
        }
        at = (at + stride) % total;
        let (table, band) = bands[at / (n * n)];
        let (from, to) = (at / n % n, at % n);
        if from != to {
            chosen.insert((table, band, from, to));
        }
    }
    chosen
}
