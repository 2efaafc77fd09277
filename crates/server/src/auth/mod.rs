//! Who somebody is and what they may do: one table of actions by role, one [`authorize`] for a thing at hand.

pub mod action;
pub mod secret;
pub mod session;

use crate::machine::World;
use crate::office::{Role, Standing};
use crate::problem::Problem;
pub use action::Action;
use std::net::IpAddr;
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::state::OrderState;

/// How somebody showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Signed in; the hash of the session.
    Session(String),
    /// A key.
    Key,
    /// The first-run token: may make the first administrator and nothing else.
    FirstRun,
}

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// User, or `key:ID`.
    pub who: String,
    /// Whom they stand for.
    pub standing: Standing,
    /// How they showed it.
    pub via: Via,
    /// May only read.
    pub read_only: bool,
    /// From where.
    pub from: IpAddr,
    /// Request id.
    pub request: String,
}

impl Caller {
    /// Their role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.standing.role
    }

    /// The holder that they stand for, if they stand for one.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        let s = &self.standing;
        match s.role {
            Role::Station | Role::Keeper => s.site.clone().map(Holder::Site),
            Role::Driver => s.vehicle.clone().map(Holder::Vehicle),
            Role::Carrier => s.carrier.clone().map(Holder::Carrier),
            _ => None,
        }
    }
}

/// A thing that somebody wants to act on.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// Nothing in particular: the role decides.
    Any,
    /// An order as it is now, or would be.
    Order {
        /// Its id.
        id: &'a str,
        /// It.
        order: &'a OrderState,
    },
    /// The personal data of an order's person.
    Person(&'a OrderState),
    /// A site.
    Site(&'a str),
    /// A vehicle.
    Vehicle(&'a str),
    /// A carrier.
    Carrier(&'a str),
    /// Somebody who gives or takes.
    Holder(&'a Holder),
}

/// The one place that says who may do what with what. Whoever may not even know of a thing is told that it is not
/// there.
///
/// # Errors
/// `H604` for what the role may never do, `H605` for a thing that is not theirs to see.
pub fn authorize(world: &World, who: &Caller, action: Action, what: Resource<'_>) -> Result<(), Problem> {
    if !action.allows(who.role()) || (who.read_only && action.writes()) {
        return Err(Problem::forbidden(format!(
            "{} may not {}; {} may",
            who.role().word(),
            action.word(),
            action.roles().map(Role::word).collect::<Vec<_>>().join(", ")
        )));
    }
    let s = &who.standing;
    match what {
        Resource::Any => Ok(()),
        Resource::Order { id, order } => {
            if sees(world, s, id, order) {
                Ok(())
            } else {
                Err(Problem::not_found("order", id))
            }
        }
        Resource::Person(order) => {
            let own = s.role == Role::Carrier && s.carrier.as_deref() == Some(order.carrier.as_str());
            let held = who.holder().is_some_and(|h| h == order.holder);
            if own || held {
                Ok(())
            } else {
                Err(Problem::forbidden(
                    "personal data is for the order's own carrier and for whoever holds it, while they hold it",
                ))
            }
        }
        Resource::Site(site) => scoped(s, Role::Station, s.site.as_deref(), site, "site")
            .and_then(|()| scoped(s, Role::Keeper, s.site.as_deref(), site, "site"))
            .and_then(|()| scoped(s, Role::Producer, s.site.as_deref(), site, "site")),
        Resource::Vehicle(vehicle) => scoped(s, Role::Driver, s.vehicle.as_deref(), vehicle, "vehicle"),
        Resource::Carrier(carrier) => scoped(s, Role::Carrier, s.carrier.as_deref(), carrier, "carrier"),
        Resource::Holder(holder) => match holder {
            Holder::Site(id) => authorize(world, who, action, Resource::Site(id)),
            Holder::Vehicle(id) => authorize(world, who, action, Resource::Vehicle(id)),
            Holder::Carrier(id) => authorize(world, who, action, Resource::Carrier(id)),
            _ => Ok(()),
        },
    }
}

/// Somebody of this role acts for one only.
fn scoped(s: &Standing, role: Role, own: Option<&str>, asked: &str, what: &str) -> Result<(), Problem> {
    if s.role != role || own == Some(asked) { Ok(()) } else { Err(Problem::not_found(what, asked)) }
}

/// Whether an order is theirs to see. Vehicles and routes are shared, orders are not: a carrier sees its own, a place
/// what comes to it or goes from it, a vehicle what it holds or is planned to carry.
#[must_use]
pub fn sees(world: &World, s: &Standing, id: &str, order: &OrderState) -> bool {
    match s.role {
        Role::Admin | Role::Planner | Role::Dispatcher | Role::Auditor | Role::Regulator => true,
        Role::Carrier => s.carrier.as_deref() == Some(order.carrier.as_str()),
        Role::Station | Role::Keeper => s.site.as_deref().is_some_and(|site| {
            order.origin == site
                || order.destination == site
                || order.holder == Holder::Site(site.to_owned())
                || (s.role == Role::Station
                    && matches!(&order.holder, Holder::Vehicle(v) if bound_for(world, v, site, id)))
        }),
        Role::Producer => s.site.as_deref() == Some(order.origin.as_str()) && order.direction != "down",
        Role::Driver => s
            .vehicle
            .as_deref()
            .is_some_and(|v| order.holder == Holder::Vehicle(v.to_owned()) || carries(world, v, id)),
        Role::Trunk => {
            matches!(order.holder, Holder::Vehicle(_) | Holder::Site(_)) || order.direction != "down"
        }
    }
}

fn bound_for(world: &World, vehicle: &str, site: &str, order: &str) -> bool {
    trips(world, vehicle)
        .any(|t| t.visits.iter().any(|v| v.site == site && v.unload.iter().any(|o| o == order)))
}

fn carries(world: &World, vehicle: &str, order: &str) -> bool {
    trips(world, vehicle).flat_map(|t| &t.visits).any(|v| v.load.iter().chain(&v.unload).any(|o| o == order))
}

/// The trips of a vehicle.
pub fn trips<'a>(
    world: &'a World,
    vehicle: &str,
) -> impl Iterator<Item = &'a xiangyun_dispatch::event::PlannedTrip> {
    let ids = world.day.vehicles.get(vehicle).map_or(&[][..], |v| v.trips.as_slice());
    ids.iter().filter_map(|id| world.day.trips.get(id))
}
