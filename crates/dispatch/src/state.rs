//! The state of the running day: a fold over events, nothing else.

mod apply;

use crate::event::{Agreed, CashDue, Condition, Counted, ExceptionKind, PlannedTrip, Returnable, Touched};
use crate::holder::Holder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Known, goods not in the county's custody yet.
    Placed,
    /// With a site or vehicle of the county.
    InCustody,
    /// On a point's shelf, waiting for the recipient.
    Shelved,
    /// Going back to the sender.
    Returning,
    /// Over: with the recipient, the sender, or lost.
    Closed,
    /// Cancelled before it was handed over; goods in custody go back.
    Cancelled,
}

/// Legal steps before an outbound parcel may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Real-name acceptance (实名收寄).
    pub real_name: bool,
    /// Opening check (验视).
    pub inspected: bool,
    /// Machine screening (安检).
    pub screened: bool,
}

impl Acceptance {
    /// The first step that is missing, in the law's word.
    #[must_use]
    pub const fn missing(self) -> Option<&'static str> {
        match (self.real_name, self.inspected, self.screened) {
            (false, _, _) => Some("实名收寄"),
            (_, false, _) => Some("验视"),
            (_, _, false) => Some("安检"),
            _ => None,
        }
    }
}

/// A parcel or lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// `down`, `up`, `transfer`, `return`.
    pub direction: String,
    /// Whose waybill.
    pub carrier: String,
    /// Origin site.
    pub origin: String,
    /// Destination site.
    pub destination: String,
    /// Goods class.
    pub class: String,
    /// Pieces.
    pub pieces: i64,
    /// Mass.
    pub g: i64,
    /// Volume.
    pub cm3: i64,
    /// Promised by.
    pub promise_ms: i64,
    /// Recipient or sender in the personal table.
    pub person: Option<i64>,
    /// Cash still to collect.
    pub cash: Option<CashDue>,
    /// Agreed hand-over.
    pub agreed: Option<Agreed>,
    /// Days a point keeps it.
    pub keep_days: u32,
    /// How far it is.
    pub phase: Phase,
    /// Who has it.
    pub holder: Holder,
    /// Where that is: the last site at which it changed hands.
    pub site: String,
    /// Legal steps done.
    pub acceptance: Acceptance,
    /// The unit it lies in.
    pub unit: Option<String>,
    /// Shelf, code hash and deadline at a point.
    pub shelf: Option<Shelf>,
    /// When it was handed over, where it was.
    pub closed_ms: Option<i64>,
    /// Held at [`Self::site`] until this promise, after a deferral.
    #[serde(default)]
    pub held_until_ms: Option<i64>,
}

/// A place on a point's shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// The point.
    pub site: String,
    /// Shelf code.
    pub shelf: String,
    /// SHA-256 of salt and pick-up code.
    pub code_hash: String,
    /// To be returned after this.
    pub keep_until_ms: i64,
    /// Wrong codes tried.
    pub tries: u32,
}

/// A bag, cage or box with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// Where it was packed.
    pub site: String,
    /// Its seal.
    pub seal: String,
    /// The orders in it.
    pub orders: BTreeSet<String>,
}

/// A hand-over record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOverState {
    /// Where.
    pub site: String,
    /// Giver.
    pub from: Holder,
    /// Receiver.
    pub to: Holder,
    /// The stop.
    pub visit: Option<String>,
    /// Orders that should change hands.
    pub expected: BTreeSet<String>,
    /// What the giver counted.
    pub actual: Vec<Counted>,
    /// Seals that the giver read.
    #[serde(default)]
    pub seals: Vec<String>,
    /// Whether the receiver has confirmed.
    pub confirmed: bool,
}

/// How far a stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopPhase {
    /// Ahead.
    Planned,
    /// The vehicle is on its way to it.
    EnRoute,
    /// The vehicle stands there.
    Arrived,
    /// Done.
    Served,
    /// Passed without stopping.
    Skipped,
    /// Tried and not done.
    Failed,
}

/// A planned visit and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopState {
    /// Its trip.
    pub trip: String,
    /// Place in the trip, from 0.
    pub index: usize,
    /// How far it is.
    pub phase: StopPhase,
    /// When the vehicle came.
    pub arrived_ms: Option<i64>,
    /// When it left.
    pub left_ms: Option<i64>,
}

/// A vehicle's part of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VehicleState {
    /// Grows with everything that changes its plan or progress; offers name it.
    pub version: u64,
    /// Its trips in order of departure.
    pub trips: Vec<String>,
    /// Whether it can be counted on.
    #[serde(default)]
    pub condition: Condition,
}

/// An open or closed exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionState {
    /// Kind.
    pub kind: ExceptionKind,
    /// What it is about.
    pub subject: String,
    /// Who has the thing in charge.
    pub in_charge: Option<Holder>,
    /// Figures that speak for it.
    pub evidence: String,
    /// What it may cost.
    pub price_fen: i64,
    /// Whether it is settled.
    pub closed: bool,
    /// Offers made for it, latest last.
    pub offers: Vec<String>,
}

/// A repair on the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferState {
    /// The exception.
    pub exception: String,
    /// Trips as they would be.
    pub trips: Vec<PlannedTrip>,
    /// Versions it was made for.
    pub touched: Vec<Touched>,
    /// Its price.
    pub price_fen: i64,
    /// Lateness it leaves.
    pub lateness_s: i64,
    /// Stops that move.
    pub moved_stops: u32,
    /// Trips that fall away.
    pub dropped: Vec<String>,
    /// The change in the planner's words.
    pub patch: String,
    /// Whether it became the plan.
    pub accepted: bool,
    /// Place among all events at which it did, so that accepted changes can be laid on a plan again in their order.
    #[serde(default)]
    pub accepted_at: u64,
}

/// What became of a scan that was sent to its carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanState {
    /// Attempts so far.
    pub attempts: u32,
    /// The carrier's receipt; once there it stays.
    pub receipt: Option<String>,
    /// Not again before, after a failure.
    pub retry_ms: i64,
    /// What the carrier's system said last.
    pub why: String,
}

/// A customer's claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimState {
    /// The order.
    pub order: String,
    /// Fen asked.
    pub asked_fen: i64,
    /// Fen paid, once settled.
    pub paid_fen: Option<i64>,
}

/// Offers of one exception that are kept beside those accepted: later ones replace the oldest.
pub const OFFERS_KEPT: usize = 3;
/// Offers kept in all; beyond it the older half of those accepted is dropped.
pub const OFFERS_MAX: usize = 4_000;

/// Scans remembered; beyond it those with a receipt are dropped, the log keeps them.
pub const SCANS_MAX: usize = 100_000;

/// Everything that is so now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// County code.
    pub county: String,
    /// Orders by waybill.
    pub orders: BTreeMap<String, OrderState>,
    /// Units by code.
    pub units: BTreeMap<String, UnitState>,
    /// Hand-over records.
    pub handovers: BTreeMap<String, HandOverState>,
    /// Trips as planned now.
    pub trips: BTreeMap<String, PlannedTrip>,
    /// Stops by visit id.
    pub stops: BTreeMap<String, StopState>,
    /// Orders that a stop's vehicle should have taken on there and has not, by visit.
    #[serde(default)]
    pub left_behind: BTreeMap<String, BTreeSet<String>>,
    /// Vehicles with a plan.
    pub vehicles: BTreeMap<String, VehicleState>,
    /// Exceptions, open and closed.
    pub exceptions: BTreeMap<String, ExceptionState>,
    /// Offers.
    pub offers: BTreeMap<String, OfferState>,
    /// Cash by holder (as text), in fen.
    pub cash: BTreeMap<String, i64>,
    /// Claims.
    pub claims: BTreeMap<String, ClaimState>,
    /// Pieces that places store at most, where that is known.
    #[serde(default)]
    pub rooms: BTreeMap<String, i64>,
    /// Vehicle by driver on duty.
    #[serde(default)]
    pub shifts: BTreeMap<String, String>,
    /// Returnables by `holder/item`; negative where more left than was booked.
    #[serde(default)]
    pub returnables: BTreeMap<String, i64>,
    /// Records of returnables seen, so that a resend is no news.
    #[serde(default)]
    pub returnable_records: BTreeSet<String>,
    /// Scans sent to carriers.
    #[serde(default)]
    pub scans: BTreeMap<String, ScanState>,
    /// Pieces on the shelves of each point; kept by the fold.
    #[serde(default)]
    pub on_shelf: BTreeMap<String, i64>,
    /// Events folded.
    pub folded: u64,
}

impl State {
    /// A county before its first event.
    #[must_use]
    pub fn new(county: &str) -> Self {
        Self {
            county: county.to_owned(),
            orders: BTreeMap::new(),
            units: BTreeMap::new(),
            handovers: BTreeMap::new(),
            trips: BTreeMap::new(),
            stops: BTreeMap::new(),
            left_behind: BTreeMap::new(),
            vehicles: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            offers: BTreeMap::new(),
            cash: BTreeMap::new(),
            claims: BTreeMap::new(),
            rooms: BTreeMap::new(),
            shifts: BTreeMap::new(),
            returnables: BTreeMap::new(),
            returnable_records: BTreeSet::new(),
            scans: BTreeMap::new(),
            on_shelf: BTreeMap::new(),
            folded: 0,
        }
    }

    /// The part that a repair worker reads: trips, stops, vehicles and open exceptions, without orders, records and
    /// closed cases. Small enough to be copied while others wait.
    #[must_use]
    pub fn plan_part(&self) -> Self {
        Self {
            trips: self.trips.clone(),
            stops: self.stops.clone(),
            left_behind: self.left_behind.clone(),
            vehicles: self.vehicles.clone(),
            exceptions: self
                .exceptions
                .iter()
                .filter(|(_, e)| !e.closed)
                .map(|(id, e)| (id.clone(), e.clone()))
                .collect(),
            folded: self.folded,
            ..Self::new(&self.county)
        }
    }

    /// An order.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<&OrderState> {
        self.orders.get(id)
    }

    /// The planned visit of a stop.
    #[must_use]
    pub fn visit(&self, id: &str) -> Option<(&PlannedTrip, &crate::event::PlannedVisit, &StopState)> {
        let stop = self.stops.get(id)?;
        let trip = self.trips.get(&stop.trip)?;
        Some((trip, trip.visits.get(stop.index)?, stop))
    }

    /// Pieces on the shelves of a point.
    #[must_use]
    pub fn shelved_at(&self, site: &str) -> i64 {
        self.on_shelf.get(site).copied().unwrap_or(0)
    }

    /// Returnables that a holder has by the books.
    #[must_use]
    pub fn returnables_of(&self, holder: &Holder, item: Returnable) -> i64 {
        self.returnables.get(&returnable_key(holder, item)).copied().unwrap_or(0)
    }

    /// Orders that an item stands for: itself, or what is in the unit.
    #[must_use]
    pub fn orders_of(&self, item: &str) -> Vec<String> {
        match self.units.get(item) {
            Some(unit) => unit.orders.iter().cloned().collect(),
            None => vec![item.to_owned()],
        }
    }

    /// Open exceptions, dearest first: the one ranked queue.
    #[must_use]
    pub fn queue(&self) -> Vec<(&str, &ExceptionState)> {
        let mut open: Vec<_> =
            self.exceptions.iter().filter(|(_, e)| !e.closed).map(|(id, e)| (id.as_str(), e)).collect();
        open.sort_by(|a, b| (-a.1.price_fen, a.1.kind, a.0).cmp(&(-b.1.price_fen, b.1.kind, b.0)));
        open
    }

    /// Orders by who has them, for the balance of a day: every order is counted exactly once.
    #[must_use]
    pub fn balance(&self) -> BTreeMap<Holder, u64> {
        let mut sums = BTreeMap::new();
        for order in self.orders.values() {
            *sums.entry(order.holder.clone()).or_insert(0) += 1;
        }
        sums
    }
}

/// Key of [`State::returnables`].
fn returnable_key(holder: &Holder, item: Returnable) -> String {
    format!("{holder}/{item:?}")
}
