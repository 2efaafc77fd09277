//! Carriers' trucks, clerks at the hub, keepers at the points, recipients.

use crate::chance::Chance;
use crate::desk::Desk;
use crate::truth::{Truth, Where};
use crate::world::{Setting, World};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_dispatch::command::{Command, PlaceOrder};
use xiangyun_dispatch::event::{Agreed, PlannedVisit, ProofKind};
use xiangyun_dispatch::holder::Holder;

/// Minutes from a truck's arrival to the goods being in the hub's custody are in the orders; a late truck adds this much.
const LATE_MS: (i64, i64) = (40 * 60_000, 100 * 60_000);
/// Days beyond the day of arrival that a point keeps a parcel are the order's.
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Errand {
    /// Goods of a carrier are taken over at the hub.
    Inbound { carrier: String },
    /// Opening check and screening at the hub.
    Screen { order: String },
    /// The keeper puts it on the shelf.
    Shelve { order: String, site: String },
    /// The recipient comes.
    Collect { order: String, site: String },
    /// An outbound lane leaves the hub.
    Lane,
}

/// Everybody who is not at a wheel.
#[derive(Debug, Default)]
pub(crate) struct People {
    agenda: BTreeSet<(i64, Errand)>,
    inbound: BTreeMap<(i64, String), Vec<String>>,
    late: BTreeMap<String, i64>,
    markets: BTreeSet<String>,
    hub: String,
    gateways: BTreeSet<String>,
    tills: BTreeMap<Holder, i64>,
    settled: BTreeSet<String>,
}

fn code(order: &str) -> String {
    format!("code-of-{order}")
}

impl People {
    pub(crate) fn new(setting: &Setting<'_>, luck: &mut Chance) -> Self {
        let county = setting.county;
        let mut people = Self { hub: county.site(county.hub).id.to_string(), ..Self::default() };
        let carriers: Vec<String> = county.carriers.iter().map(|c| c.id.to_string()).collect();
        for _ in 0..setting.faults.late_carriers {
            let who = carriers[luck.below(carriers.len() as u64) as usize].clone();
            people.late.insert(who, luck.within(LATE_MS.0, LATE_MS.1));
        }
        let stations = county.sites_of(xiangyun_model::site::SiteKind::Station);
        people.markets =
            stations.filter(|_| luck.happens(3_300)).map(|s| county.site(s).id.to_string()).collect();
        people.gateways = county
            .sites_of(xiangyun_model::site::SiteKind::Gateway)
            .map(|s| county.site(s).id.to_string())
            .collect();
        for lane in &county.lanes {
            people.agenda.insert((setting.midnight_ms + lane.departs_s * 1_000 - 300_000, Errand::Lane));
        }
        people
    }

    /// Somebody who takes note while the others act.
    pub(crate) fn stand_in(&self) -> Self {
        Self { hub: self.hub.clone(), ..Self::default() }
    }

    /// Whether a town holds its market today.
    pub(crate) fn is_market(&self, site: &str) -> bool {
        self.markets.contains(site)
    }

    /// Goods will come with their carrier's truck.
    pub(crate) fn expect(&mut self, at_ms: i64, order: &PlaceOrder) {
        let at_ms = at_ms + self.late.get(&order.carrier).copied().unwrap_or(0);
        let carrier = order.carrier.clone();
        self.inbound.entry((at_ms, carrier.clone())).or_default().push(order.order.clone());
        self.agenda.insert((at_ms, Errand::Inbound { carrier }));
    }

    /// Goods have come to a site.
    pub(crate) fn came(&mut self, order: &str, site: &str, truth: &Truth, now_ms: i64) {
        let Some(parcel) = truth.parcels.get(order) else { return };
        if *site == *self.hub {
            if !parcel.down && !parcel.transfer && !parcel.accepted {
                self.agenda.insert((now_ms + 600_000, Errand::Screen { order: order.to_owned() }));
            }
        } else if site == parcel.destination {
            let errand = Errand::Shelve { order: order.to_owned(), site: site.to_owned() };
            self.agenda.insert((now_ms + 300_000, errand));
        }
    }

    /// What was added while the people acted.
    pub(crate) fn absorb(&mut self, mut new: Self) {
        self.agenda.append(&mut new.agenda);
        for (key, mut orders) in new.inbound {
            self.inbound.entry(key).or_default().append(&mut orders);
        }
    }

    /// Empties every till: what was counted in each.
    pub(crate) fn tills(&mut self) -> Vec<(Holder, i64)> {
        std::mem::take(&mut self.tills).into_iter().collect()
    }

    /// Whoever waited yesterday still comes; yesterday's late trucks and lanes are over.
    pub(crate) fn remember(&mut self, old: Self) {
        let lasts =
            |e: &Errand| matches!(e, Errand::Collect { .. } | Errand::Shelve { .. } | Errand::Screen { .. });
        self.agenda.extend(old.agenda.into_iter().filter(|(_, e)| lasts(e)));
        self.settled.extend(old.settled);
    }

    /// Whether an order has an end for today: shelved with its keep-days, or gone outbound.
    pub(crate) fn is_settled(&self, order: &str) -> bool {
        self.settled.contains(order)
    }

    /// Does everything that is due. `world` is without its people meanwhile; what it adds is absorbed afterwards.
    pub(crate) fn act(&mut self, world: &mut World<'_>, desk: &mut dyn Desk, now_ms: i64) {
        while let Some((at, errand)) = self.agenda.first().cloned() {
            if at > now_ms {
                return;
            }
            self.agenda.pop_first();
            match errand {
                Errand::Inbound { carrier } => self.inbound(world, desk, &carrier, at, now_ms),
                Errand::Screen { order } => {
                    let accept = Command::Accept {
                        order: order.clone(),
                        real_name: true,
                        inspected: true,
                        screened: true,
                        by: "hub".into(),
                    };
                    if world.ask(desk, &accept, now_ms).is_ok()
                        && let Some(parcel) = world.truth.parcels.get_mut(&order)
                    {
                        parcel.accepted = true;
                    }
                }
                Errand::Shelve { order, site } => self.shelve(world, desk, &order, &site, now_ms),
                Errand::Collect { order, site } => self.collect(world, desk, &order, &site, now_ms),
                Errand::Lane => self.lane(world, desk, now_ms),
            }
        }
    }

    fn inbound(&mut self, world: &mut World<'_>, desk: &mut dyn Desk, carrier: &str, at: i64, now_ms: i64) {
        let Some(orders) = self.inbound.remove(&(at, carrier.to_owned())) else { return };
        let orders: Vec<String> = orders.into_iter().filter(|o| world.truth.is(o, &Where::Carrier)).collect();
        let hub = self.hub.clone();
        let visit = bare(&hub, now_ms);
        for part in orders.chunks(500) {
            let to = (Holder::Site(hub.clone()), Where::Site(hub.clone()));
            let from = Holder::Carrier(carrier.to_owned());
            world.record(desk, "hub", &visit, from, to, part, part, now_ms);
        }
    }

    /// Outbound goods that are screened leave with their carriers.
    fn lane(&mut self, world: &mut World<'_>, desk: &mut dyn Desk, now_ms: i64) {
        let mut by_carrier: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for order in world.truth.at(&Where::Site(self.hub.clone())) {
            let parcel = &world.truth.parcels[&order];
            let leaves = self.gateways.contains(&parcel.destination) || parcel.destination == self.hub;
            if parcel.accepted && leaves {
                by_carrier.entry(parcel.carrier.clone()).or_default().push(order);
            }
        }
        let visit = bare(&self.hub, now_ms);
        for (carrier, orders) in by_carrier {
            let from = Holder::Site(self.hub.clone());
            let to = (Holder::Carrier(carrier), Where::Carrier);
            world.record(desk, "hub", &visit, from, to, &orders, &orders, now_ms);
            self.settled.extend(orders);
        }
    }

    fn shelve(&mut self, world: &mut World<'_>, desk: &mut dyn Desk, order: &str, site: &str, now_ms: i64) {
        if !world.truth.is(order, &Where::Site(site.to_owned())) {
            return;
        }
        let parcel = world.truth.parcels[order].clone();
        if !parcel.consent {
            let agree = Command::Agree { order: order.to_owned(), agreed: Agreed::Point, how: "call".into() };
            let _ = world.ask(desk, &agree, now_ms);
        }
        let shelve = Command::Shelve {
            order: order.to_owned(),
            site: site.to_owned(),
            shelf: format!("A-{}", order.len()),
            code_hash: code(order),
            keep_until_ms: now_ms + i64::from(parcel.keep_days) * DAY_MS,
        };
        if world.ask(desk, &shelve, now_ms).is_ok() {
            self.settled.insert(order.to_owned());
            if world.luck().happens(8_000) {
                let wait = world.luck().within(10, 360) * 60_000;
                let errand = Errand::Collect { order: order.to_owned(), site: site.to_owned() };
                self.agenda.insert((now_ms + wait, errand));
            }
        }
    }

    fn collect(&mut self, world: &mut World<'_>, desk: &mut dyn Desk, order: &str, site: &str, now_ms: i64) {
        let parcel = world.truth.parcels[order].clone();
        let keeper = Holder::Site(site.to_owned());
        let (refused, wrong) = (world.setting.faults.refused, world.setting.faults.wrong_code);
        if world.luck().happens(refused) {
            let refuse = Command::Refuse { order: order.to_owned(), cause: "不想要 unwanted".into() };
            if world.ask(desk, &refuse, now_ms).is_ok() {
                // It waits at the point for its way back.
                self.settled.remove(order);
            }
            return;
        }
        let deliver = |hash: String| Command::Deliver {
            order: order.to_owned(),
            site: site.to_owned(),
            from: keeper.clone(),
            proof: ProofKind::Code,
            code_hash: Some(hash),
            evidence: None,
            distance_m: Some(5),
            at_ms: now_ms,
        };
        if let Some(fen) = parcel.cash_fen {
            let take = Command::TakeCash {
                order: order.to_owned(),
                fen,
                method: "cash".into(),
                holder: keeper.clone(),
            };
            if world.ask(desk, &take, now_ms).is_ok() {
                *self.tills.entry(keeper.clone()).or_insert(0) += fen;
            }
        }
        if world.luck().happens(wrong) {
            let _ = world.ask(desk, &deliver("wrong".into()), now_ms);
        }
        if world.ask(desk, &deliver(code(order)), now_ms).is_ok() {
            world.truth.set(order, Where::Recipient);
        }
    }
}

/// A stop outside any plan.
fn bare(site: &str, now_ms: i64) -> PlannedVisit {
    PlannedVisit {
        visit: String::new(),
        site: site.to_owned(),
        arrive_ms: now_ms,
        start_ms: now_ms,
        depart_ms: now_ms,
        latest_ms: now_ms,
        unload: vec![],
        load: vec![],
    }
}
