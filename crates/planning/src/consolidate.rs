//! Consolidation: thousands of orders become few loads (what moves together), loads become calls (what one stop at a
//! village settles), each small enough for any van of the county.
//!
//! A load holds orders with the same ends, unit, band, wave and promise whose goods and carriers get along; what is too
//! large is split. A call is one bundle of down and up loads of one village and one wave, the unit of the search.

use crate::day::Day;
use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::id::{BandId, OrderId, SiteId};
use xiangyun_model::order::{Order, OrderKind};
use xiangyun_model::plan::{Direction, Limit, UnitKind};
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::Window;
use xiangyun_model::units::Amount;

/// Length of the buckets in which promises of one load lie, in seconds.
const DUE_BUCKET_S: i64 = 2 * 3600;
/// Goods of a village that are ready this long after a wave is sorted still go with that wave's call.
const SLOT_GRACE_S: i64 = 7200;
/// Sorted goods that would wait longer than this for the rest of their part of the day go ahead of it.
const BATCH_WAIT_S: i64 = 80 * 60;
/// Waves that close further apart than this belong to different parts of the day.
const SLOT_GAP_S: i64 = 2 * 3600;

/// A load before it has a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cargo {
    /// The orders, ascending.
    pub orders: Vec<OrderId>,
    /// Which way.
    pub direction: Direction,
    /// What it is handled as.
    pub unit: UnitKind,
    /// Sealed loads are handled by unit, others by piece.
    pub sealed: bool,
    /// All orders together.
    pub amount: Amount,
    /// Handling units.
    pub units: i64,
    /// Units if sealed, pieces if not.
    pub handled: i64,
    /// Goods classes, a bit each.
    pub classes: u64,
    /// Carriers, a bit each.
    pub carriers: u64,
    /// Band it needs.
    pub band: BandId,
    /// Least of the classes' limits out of the band.
    pub out_of_band_max_s: Option<i64>,
    /// Least of the classes' limits on the way.
    pub on_way_max_s: Option<i64>,
    /// Where it is.
    pub origin: SiteId,
    /// Where our part of its way ends.
    pub destination: SiteId,
    /// Ready at the origin.
    pub release_s: i64,
    /// Wanted by then.
    pub due_s: i64,
    /// Whether `due_s` may not be passed.
    pub hard: bool,
    /// Hours agreed for the far end.
    pub window: Option<Window>,
    /// Price of leaving all of it for a day, in fen.
    pub price_fen: i64,
    /// Price of an hour of lateness of all of it, in fen.
    pub late_fen_h: i64,
    /// Cold, promised or once deferred: never the ones left.
    pub must: bool,
    /// Wave or half of the day.
    pub slot: usize,
}

/// What one stop at a village settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The village point or park.
    pub site: SiteId,
    /// Wave or half of the day.
    pub slot: usize,
    /// Loads to hand over, positions in [`Consolidated::cargo`].
    pub down: Vec<u32>,
    /// Loads to collect.
    pub up: Vec<u32>,
}

/// Why an order cannot move today whatever the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The order.
    pub order: OrderId,
    /// The limit.
    pub limit: Limit,
    /// The site, lane or wave that sets it.
    pub at: String,
    /// What would be needed.
    pub needs: i64,
    /// What there is.
    pub has: i64,
    /// Unit of both.
    pub unit: &'static str,
}

/// The day's goods, consolidated.
#[derive(Clone, Debug, Default)]
pub struct Consolidated {
    /// All loads.
    pub cargo: Vec<Cargo>,
    /// Calls at villages.
    pub calls: Vec<Call>,
    /// Loads between the hub and stations themselves.
    pub trunk_only: Vec<u32>,
    /// Loads within the county.
    pub transfers: Vec<u32>,
    /// Orders that cannot move today.
    pub refused: Vec<Refused>,
}

/// Sizes that no load and no call may exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Most of one call, so that every van of the county can take it.
    pub most: Amount,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    origin: SiteId,
    destination: SiteId,
    direction: Direction,
    slot: usize,
    batch: usize,
    kin: usize,
    seal: Option<u32>,
    unit: UnitKind,
    band: BandId,
    limited: bool,
    due_bucket: i64,
    hard: bool,
    window: Option<Window>,
}

/// Consolidates a day's orders.
#[must_use]
pub fn consolidate(day: &Day<'_>, chunk: Chunk) -> Consolidated {
    let mut all = Consolidated::default();
    let kin = kinship(day.county);
    let mut groups: BTreeMap<Key, Vec<OrderId>> = BTreeMap::new();
    for (at, order) in day.orders.iter().enumerate() {
        let id = OrderId::at(at);
        match key_of(day, order, &kin) {
            Ok(key) => groups.entry(key).or_default().push(id),
            Err((limit, at, needs, has, unit)) => {
                all.refused.push(Refused { order: id, limit, at, needs, has, unit });
            }
        }
    }
    for (key, mut ids) in groups {
        // The dearest to leave come first, so that a split load has them together.
        ids.sort_by_key(|&id| {
            (!is_must(day.county, &day.orders[id.index()]), std::cmp::Reverse(density(day, id)), id)
        });
        for part in split(day, &ids, chunk.most) {
            all.cargo.push(load_of(day, &key, part));
        }
    }
    gather_calls(day, &mut all, chunk, &kin);
    all
}

type Refusal = (Limit, String, i64, i64, &'static str);

fn key_of(day: &Day<'_>, order: &Order, kin: &[usize]) -> Result<Key, Refusal> {
    let county = day.county;
    let class = county.class(order.class);
    let destination = day.end_of(order);
    for site in [order.origin, destination] {
        if day.windows[site.index()].is_empty() {
            return Err((Limit::Hours, county.site(site).id.to_string(), 1, 0, ""));
        }
    }
    if order.is_outbound() && !order.cleared {
        return Err((Limit::Forbidden, county.carrier(order.carrier).id.to_string(), 1, 0, ""));
    }
    let Some(release_s) = day.release_s(order) else {
        let last = county.waves.last().map_or(0, |w| w.closes.0);
        return Err((Limit::Release, "hub".into(), order.ready_s, last, "s"));
    };
    let Some((due_s, hard)) = day.due_s(order) else {
        let last = county.lanes.iter().filter(|l| l.gateway == order.destination).map(|l| l.departs_s).min();
        let at = county.site(order.destination).id.to_string();
        return Err((Limit::CutOff, at, last.unwrap_or(0), order.promise_s, "s"));
    };
    if hard && release_s >= due_s {
        return Err((Limit::CutOff, county.site(order.destination).id.to_string(), release_s, due_s, "s"));
    }
    let seal = county.carrier(order.carrier).sealed && class.unit != UnitKind::Loose;
    let exclusive = !county.carrier(order.carrier).excludes.is_empty();
    Ok(Key {
        origin: order.origin,
        destination,
        direction: match order.kind {
            OrderKind::Down => Direction::Down,
            OrderKind::Up | OrderKind::Return => Direction::Up,
            OrderKind::Transfer => Direction::Cross,
        },
        slot: slot_of(day, order, release_s),
        batch: batch_of(day, order, release_s),
        kin: kin[order.class.index()],
        seal: (seal || exclusive).then_some(order.carrier.0),
        unit: class.unit,
        band: class.band,
        limited: class.out_of_band_max_s.is_some() || class.on_way_max_s.is_some(),
        due_bucket: due_s.div_euclid(DUE_BUCKET_S),
        hard,
        window: order.window,
    })
}

/// The part of the day an order rides in: waves that close soon after each other are one part. Goods in the villages
/// go with the first part whose rounds can still find them ready.
fn slot_of(day: &Day<'_>, order: &Order, release_s: i64) -> usize {
    let slots = slots(day);
    let wave = if order.origin == day.county.hub {
        day.waves.iter().position(|w| release_s <= w.ends_s)
    } else {
        day.waves.iter().rposition(|w| w.pieces > 0 && release_s > w.ends_s + SLOT_GRACE_S).map(|w| w + 1)
    };
    let at_village = wave.unwrap_or(if order.origin == day.county.hub { slots.len() } else { 0 });
    slots.get(at_village.min(slots.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Which part of a busy morning goods of the hub belong to: where a wave is sorted long before the last of its part of
/// the day, trucks set out with it rather than wait for everything.
fn batch_of(day: &Day<'_>, order: &Order, release_s: i64) -> usize {
    if order.origin != day.county.hub || order.kind != OrderKind::Down {
        return 0;
    }
    let slots = slots(day);
    let Some(mine) = day.waves.iter().position(|w| release_s <= w.ends_s) else { return 0 };
    let of_slot = |at: &usize| slots[*at] == slots[mine] && day.waves[*at].pieces > 0;
    let last_s = (0..slots.len()).filter(of_slot).map(|at| day.waves[at].ends_s).max().unwrap_or(0);
    let trucks = day.crews.iter().filter(|c| c.trunk).map(|c| c.window.from_s).min().unwrap_or(0);
    let early = |at: usize| last_s - day.waves[at].ends_s.max(trucks) > BATCH_WAIT_S;
    if early(mine) { 1 + mine } else { 0 }
}

/// The part of the day of each wave.
fn slots(day: &Day<'_>) -> Vec<usize> {
    let waves = &day.county.waves;
    let mut slots = vec![0; waves.len()];
    for at in 1..waves.len() {
        let apart = waves[at].closes.0 - waves[at - 1].closes.0 > SLOT_GAP_S;
        slots[at] = slots[at - 1] + usize::from(apart);
    }
    slots
}

/// Gives every goods class a number such that classes with the same number get along with each other.
fn kinship(county: &County) -> Vec<usize> {
    let mut kin: Vec<usize> = Vec::with_capacity(county.classes.len());
    for class in &county.classes {
        let clash = |number: usize| {
            kin.iter()
                .enumerate()
                .any(|(other, &k)| k == number && class.incompatible.iter().any(|c| c.index() == other))
        };
        kin.push((0..).find(|&number| !clash(number)).expect("as many numbers as classes suffice"));
    }
    kin
}

/// Whether an order may not be among the ones left: cold, promised for an hour, or deferred before.
#[must_use]
pub fn is_must(county: &County, order: &Order) -> bool {
    order.deferrals > 0 || order.window.is_some() || county.band(county.class(order.class).band).cold
}

/// Price of leaving an order, per litre: what a full vehicle should take first.
fn density(day: &Day<'_>, id: OrderId) -> i64 {
    let order = &day.orders[id.index()];
    day.county.costs.unserved_fen(order.unserved_fen, order.deferrals) * 1000 / order.amount.cm3.max(1)
}

fn split(day: &Day<'_>, ids: &[OrderId], most: Amount) -> Vec<Vec<OrderId>> {
    let mut parts: Vec<Vec<OrderId>> = Vec::new();
    let mut filled = Amount::ZERO;
    for &id in ids {
        let amount = day.orders[id.index()].amount;
        if parts.is_empty() || !(filled + amount).fits(most) {
            parts.push(Vec::new());
            filled = Amount::ZERO;
        }
        filled += amount;
        parts.last_mut().expect("one was just pushed").push(id);
    }
    parts
}

fn load_of(day: &Day<'_>, key: &Key, mut orders: Vec<OrderId>) -> Cargo {
    orders.sort_unstable();
    let county = day.county;
    let rows = || orders.iter().map(|id| &day.orders[id.index()]);
    let amount: Amount = rows().map(|o| o.amount).sum();
    let units = county.handling.units(key.unit, amount);
    let sealed = matches!(key.unit, UnitKind::Bag | UnitKind::Tote);
    let least = |pick: fn(&xiangyun_model::goods::GoodsClass) -> Option<i64>| {
        rows().filter_map(|o| pick(county.class(o.class))).min()
    };
    Cargo {
        direction: key.direction,
        unit: key.unit,
        sealed,
        amount,
        units,
        handled: if sealed { units } else { amount.pieces },
        classes: rows().fold(0, |bits, o| bits | 1 << (o.class.index() % 32)),
        carriers: rows().fold(0, |bits, o| bits | 1 << (o.carrier.index() % 32)),
        band: key.band,
        out_of_band_max_s: least(|c| c.out_of_band_max_s),
        on_way_max_s: least(|c| c.on_way_max_s),
        origin: key.origin,
        destination: key.destination,
        release_s: rows().filter_map(|o| day.release_s(o)).max().unwrap_or(0),
        due_s: rows().filter_map(|o| day.due_s(o)).map(|(due, _)| due).min().unwrap_or(0),
        hard: key.hard,
        window: key.window,
        price_fen: rows().map(|o| county.costs.unserved_fen(o.unserved_fen, o.deferrals)).sum(),
        late_fen_h: rows().map(|o| o.late_fen_h).sum(),
        must: rows().any(|o| is_must(day.county, o)),
        slot: key.slot,
        orders,
    }
}

/// Sorts the loads into calls, trunk-only loads and transfers.
fn gather_calls(day: &Day<'_>, all: &mut Consolidated, chunk: Chunk, kin: &[usize]) {
    let is_depot = |site: SiteId| matches!(day.county.site(site).kind, SiteKind::Hub | SiteKind::Station);
    let mut open: BTreeMap<(SiteId, usize, usize, Option<Window>), Vec<Call>> = BTreeMap::new();
    for (at, cargo) in all.cargo.iter().enumerate() {
        let at = u32::try_from(at).expect("loads are fewer than orders, which are bounded");
        let site = match cargo.direction {
            Direction::Cross => {
                all.transfers.push(at);
                continue;
            }
            Direction::Down => cargo.destination,
            Direction::Up => cargo.origin,
        };
        if is_depot(site) {
            all.trunk_only.push(at);
            continue;
        }
        let family = kin[cargo.classes.trailing_zeros() as usize % kin.len().max(1)];
        let calls = open.entry((site, cargo.slot, family, cargo.window)).or_default();
        let fits = |call: &Call| {
            let side = if cargo.direction == Direction::Down { &call.down } else { &call.up };
            let held: Amount = side.iter().map(|&c| all.cargo[c as usize].amount).sum();
            (held + cargo.amount).fits(chunk.most)
        };
        let slot = match calls.iter().position(fits) {
            Some(slot) => slot,
            None => {
                calls.push(Call { site, slot: cargo.slot, down: Vec::new(), up: Vec::new() });
                calls.len() - 1
            }
        };
        let side =
            if cargo.direction == Direction::Down { &mut calls[slot].down } else { &mut calls[slot].up };
        side.push(at);
    }
    all.calls = open.into_values().flatten().collect();
}
