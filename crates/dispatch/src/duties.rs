//! What the clock alone asks for: parcels kept too long, points that cannot take what is on its way, the day's close. Pure:
//! it gives commands, `decide` judges them like anybody's.

use crate::command::Command;
use crate::event::ExceptionKind;
use crate::holder::Holder;
use crate::state::{OrderState, Phase, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Price of a parcel kept beyond its days, in fen, for the rank in the queue.
const OVERDUE_FEN: i64 = 200;
/// Price of a point that overflows, in fen, for the rank in the queue.
const FULL_FEN: i64 = 2_000;

/// Commands that are due at `now_ms`: overdue parcels go back, a full point is raised once.
#[must_use]
pub fn due(state: &State, now_ms: i64) -> Vec<Command> {
    let mut out = Vec::new();
    let mut coming: BTreeMap<&str, i64> = BTreeMap::new();
    for (id, order) in &state.orders {
        if let Some(shelf) = &order.shelf
            && order.phase == Phase::Shelved
            && shelf.keep_until_ms < now_ms
        {
            out.push(Command::Raise {
                exception: format!("OD-{id}"),
                kind: ExceptionKind::Overdue,
                subject: format!("order/{id}"),
                in_charge: Some(order.holder.clone()),
                evidence: format!(
                    "保管 {0} 天期满，退回 | kept its {0} days at {1}; goes back",
                    order.keep_days, shelf.site
                ),
                price_fen: OVERDUE_FEN,
            });
            out.push(Command::Return { order: id.clone(), cause: "overdue".into() });
        }
        if matches!(order.phase, Phase::InCustody) && matches!(order.holder, Holder::Vehicle(_)) {
            *coming.entry(order.destination.as_str()).or_insert(0) += order.pieces;
        }
    }
    for (site, room) in &state.rooms {
        let wanted = state.shelved_at(site) + coming.get(site.as_str()).copied().unwrap_or(0);
        if wanted > *room {
            out.push(Command::Raise {
                exception: format!("PF-{site}-{now_ms}"),
                kind: ExceptionKind::PointFull,
                subject: format!("site/{site}"),
                in_charge: Some(Holder::Site(site.clone())),
                evidence: format!(
                    "库容 {room} 件，到达后 {wanted} 件 | room for {room}, {wanted} with what is on its way"
                ),
                price_fen: FULL_FEN,
            });
        }
    }
    out
}

/// The one state in which an order closes a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Custody {
    /// With the recipient, or with the carrier that takes it on from the hub.
    Delivered,
    /// Back with the sender.
    Returned,
    /// Lost.
    Lost,
    /// At a named place until a deadline.
    Held {
        /// The place.
        site: String,
        /// Who has it there.
        holder: String,
        /// Until when.
        until_ms: i64,
    },
    /// Still moving: on a vehicle, or at a place without a deadline.
    Open {
        /// Who has it.
        holder: String,
        /// Where it last was.
        site: String,
    },
}

/// The custody state of an order.
#[must_use]
pub fn custody(order: &OrderState) -> Custody {
    let held =
        |until_ms| Custody::Held { site: order.site.clone(), holder: order.holder.to_string(), until_ms };
    match (&order.holder, order.phase) {
        (Holder::Recipient(_), _) => Custody::Delivered,
        (Holder::Carrier(_), Phase::Closed) => Custody::Delivered,
        (Holder::Returned(_), _) => Custody::Returned,
        (Holder::Lost(_), _) => Custody::Lost,
        (_, Phase::Shelved) => order.shelf.as_ref().map_or_else(
            || Custody::Open { holder: order.holder.to_string(), site: order.site.clone() },
            |s| held(s.keep_until_ms),
        ),
        (Holder::Site(_) | Holder::Sender(_) | Holder::Carrier(_), _) if order.held_until_ms.is_some() => {
            held(order.held_until_ms.unwrap_or(0))
        }
        _ => Custody::Open { holder: order.holder.to_string(), site: order.site.clone() },
    }
}

/// How many orders are in each custody state; the sum is the number of orders.
#[must_use]
pub fn balance(state: &State) -> BTreeMap<&'static str, u64> {
    let mut out = BTreeMap::new();
    for order in state.orders.values() {
        let word = match custody(order) {
            Custody::Delivered => "delivered",
            Custody::Returned => "returned",
            Custody::Lost => "lost",
            Custody::Held { .. } => "held",
            Custody::Open { .. } => "open",
        };
        *out.entry(word).or_insert(0) += 1;
    }
    out
}

/// Commands that close the day: everything of the county that stands at a site, or has not been collected, is held
/// until `promise_ms`. Goods on vehicles must be handed over first.
#[must_use]
pub fn close_day(state: &State, promise_ms: i64) -> Vec<Command> {
    state
        .orders
        .iter()
        .filter(|(_, o)| {
            matches!(custody(o), Custody::Open { .. }) && !matches!(o.holder, Holder::Vehicle(_))
        })
        .map(|(id, _)| Command::Defer { order: id.clone(), promise_ms, cause: "day close".into() })
        .collect()
}
