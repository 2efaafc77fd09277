//! What people, devices and workers may ask for.

use crate::event::{
    Agreed, CashDue, Condition, Counted, ExceptionKind, PlannedTrip, ProofKind, Returnable, Touched,
};
use crate::holder::Holder;

/// A new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceOrder {
    /// Waybill number.
    pub order: String,
    /// `down`, `up`, `transfer` or `return`.
    pub direction: String,
    /// Whose waybill.
    pub carrier: String,
    /// Origin site.
    pub origin: String,
    /// Destination site.
    pub destination: String,
    /// Goods class.
    pub class: String,
    /// Pieces, at least 1.
    pub pieces: i64,
    /// Mass in grams.
    pub g: i64,
    /// Volume in cm³.
    pub cm3: i64,
    /// Promised by.
    pub promise_ms: i64,
    /// Recipient or sender in the personal table.
    pub person: Option<i64>,
    /// Cash to collect.
    pub cash: Option<CashDue>,
    /// Agreed hand-over.
    pub agreed: Option<Agreed>,
    /// Days a point keeps it, 1 to 30.
    pub keep_days: u32,
}

impl PlaceOrder {
    /// A plain parcel down to a village, promised by `promise_ms`, to be kept for three days.
    #[must_use]
    pub fn parcel(order: &str, carrier: &str, origin: &str, destination: &str, promise_ms: i64) -> Self {
        Self {
            order: order.into(),
            direction: "down".into(),
            carrier: carrier.into(),
            origin: origin.into(),
            destination: destination.into(),
            class: "parcel".into(),
            pieces: 1,
            g: 1_000,
            cm3: 5_000,
            promise_ms,
            person: None,
            cash: None,
            agreed: Some(Agreed::Point),
            keep_days: 3,
        }
    }
}

/// A hand-over as one side records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Number of the record, made by the device so that a resend is recognised.
    pub handover: String,
    /// Where.
    pub site: String,
    /// Giver.
    pub from: Holder,
    /// Receiver.
    pub to: Holder,
    /// The stop it belongs to.
    pub visit: Option<String>,
    /// Orders that should change hands; empty takes the visit's list.
    pub expected: Vec<String>,
    /// Orders and units counted.
    pub actual: Vec<Counted>,
    /// Seals read.
    pub seals: Vec<String>,
    /// Set when giver and receiver confirm on one device.
    pub confirmed_by: Option<String>,
}

/// A finished repair with what it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Number.
    pub offer: String,
    /// The exception it repairs.
    pub exception: String,
    /// Trips as they would be.
    pub trips: Vec<PlannedTrip>,
    /// Vehicles it touches at their versions.
    pub touched: Vec<Touched>,
    /// Price.
    pub price_fen: i64,
    /// Lateness left.
    pub lateness_s: i64,
    /// Stops that move.
    pub moved_stops: u32,
    /// Trips that fall away; none of their stops may have been reached.
    pub dropped: Vec<String>,
    /// The change in the planner's words, as JSON.
    pub patch: String,
}

/// A request to the running day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of the event each leads to
pub enum Command {
    /// A new order.
    PlaceOrder(PlaceOrder),
    /// Another destination, promise or agreed place.
    ChangeOrder {
        order: String,
        destination: Option<String>,
        promise_ms: Option<i64>,
        agreed: Option<Agreed>,
    },
    /// Take it back.
    CancelOrder { order: String, cause: String },
    /// Steps of outbound acceptance done now.
    Accept { order: String, real_name: bool, inspected: bool, screened: bool, by: String },
    /// Put orders into a unit.
    Pack { unit: String, site: String, seal: String, orders: Vec<String> },
    /// Open a unit.
    Open { unit: String, site: String },
    /// A hand-over, by the giver or by both.
    HandOver(HandOver),
    /// The receiver's word on a hand-over.
    Confirm { handover: String, actual: Option<Vec<Counted>>, by: String },
    /// Publish trips of a plan that passed the checker.
    Publish { plan: String, trips: Vec<PlannedTrip> },
    /// A vehicle stands at a stop.
    Arrive { visit: String, at_ms: i64 },
    /// A stop is done.
    Serve { visit: String, at_ms: i64 },
    /// A stop cannot be done.
    Fail { visit: String, cause: String, skipped: bool },
    /// Put on a point's shelf.
    Shelve { order: String, site: String, shelf: String, code_hash: String, keep_until_ms: i64 },
    /// Hand to the recipient. `code_hash` must fit where the order lies on a shelf and `proof` is a code.
    Deliver {
        order: String,
        site: String,
        from: Holder,
        proof: ProofKind,
        code_hash: Option<String>,
        evidence: Option<String>,
        distance_m: Option<i64>,
        at_ms: i64,
    },
    /// The recipient will not take it.
    Refuse { order: String, cause: String },
    /// Overdue or unwanted: send it back.
    Return { order: String, cause: String },
    /// The sender or its carrier took it back.
    TakeBack { order: String, at_ms: i64 },
    /// Nobody can find it.
    Lose { order: String },
    /// Cash from a recipient.
    TakeCash { order: String, fen: i64, method: String, holder: Holder },
    /// Count a holder's cash.
    CloseCash { holder: Holder, counted_fen: i64, by: String },
    /// Something is wrong.
    Raise {
        exception: String,
        kind: ExceptionKind,
        subject: String,
        in_charge: Option<Holder>,
        evidence: String,
        price_fen: i64,
    },
    /// It is settled.
    Close { exception: String, how: String, acted: bool },
    /// A worker's finished repair.
    Offer(Offer),
    /// Make it the plan.
    AcceptOffer { offer: String, by: String },
    /// A customer's claim.
    Claim { claim: String, order: String, cause: String, fen: i64 },
    /// Settle a claim.
    Settle { claim: String, fen: i64, by: Holder },
    /// Note a sealed segment of positions.
    SealPositions { segment: String, from_ms: i64, to_ms: i64, count: u64, hash: String },
    /// Record the recipient's consent.
    Agree { order: String, agreed: Agreed, how: String },
    /// Send it to another point.
    Divert { order: String, to: String, cause: String },
    /// Hold it where it is until another day.
    Defer { order: String, promise_ms: i64, cause: String },
    /// How much a place stores.
    SetRoom { site: String, pieces: i64 },
    /// A vehicle broke down, is ready again, or is out for the day.
    SetCondition { vehicle: String, condition: Condition, site: Option<String>, note: String },
    /// A driver takes a vehicle over.
    StartShift { driver: String, vehicle: String },
    /// A driver goes home.
    EndShift { driver: String },
    /// Returnables change hands; `record` makes a resend harmless.
    MoveReturnables { record: String, item: Returnable, count: i64, from: Holder, to: Holder },
    /// Returnables are counted.
    CountReturnables { holder: Holder, item: Returnable, counted: i64, by: String },
    /// A run of readings out of the band, or none at all.
    NoteCold {
        vehicle: String,
        compartment: String,
        from_ms: i64,
        to_ms: i64,
        worst_dc: Option<i32>,
        orders: Vec<String>,
    },
    /// What settled positions say of a stop.
    ReviseVisit { visit: String, arrived_ms: i64, left_ms: Option<i64> },
    /// A scan was sent to its carrier.
    SendScan { scan: String, carrier: String },
    /// The carrier's system answered.
    ScanAnswered { scan: String, carrier: String, answer: Result<String, String>, retry_ms: i64 },
    /// Note that a person's key was destroyed.
    ErasePerson { person: i64 },
}
