//! Everything that can happen in a county's day. Events carry `person` numbers, never names or phones. Times are
//! milliseconds since 1970 UTC.

use crate::holder::Holder;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A body that does not fit its kind.
#[derive(Debug, Error)]
pub enum BadEvent {
    /// A kind that this program does not know.
    #[error("event kind {0} is not known")]
    Kind(String),
    /// A schema newer than this program.
    #[error("event {kind} has schema {schema}; this program reads up to {known}")]
    Schema {
        /// The kind.
        kind: String,
        /// Schema found.
        schema: i32,
        /// Newest known.
        known: i32,
    },
    /// Bytes that do not decode.
    #[error("event {kind}: {source}")]
    Body {
        /// The kind.
        kind: String,
        /// The decoder's words.
        source: rmp_serde::decode::Error,
    },
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? } in $stream:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
        )*

        /// One event of any kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $name($name)),*
        }

        impl Event {
            /// Stable name of the kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),* }
            }

            /// What the event belongs to, for example `order/W1`.
            #[must_use]
            pub fn stream(&self) -> String {
                match self { $(Self::$name(e) => { let f: fn(&$name) -> String = $stream; f(e) })* }
            }

            /// The body as MessagePack with named fields.
            ///
            /// # Panics
            /// Never for these types: they are plain data with string keys.
            #[must_use]
            pub fn body(&self) -> Vec<u8> {
                match self { $(Self::$name(e) => rmp_serde::to_vec_named(e)),* }.expect("plain data")
            }

            /// Reads an event of the log.
            ///
            /// # Errors
            /// Unknown kind, newer schema, damaged body.
            pub fn read(kind: &str, schema: i32, body: &[u8]) -> Result<Self, BadEvent> {
                match kind {
                    $(stringify!($name) if schema <= SCHEMA => rmp_serde::from_slice(body).map(Self::$name)
                        .map_err(|source| BadEvent::Body { kind: kind.to_owned(), source }),)*
                    $(stringify!($name) => Err(BadEvent::Schema { kind: kind.to_owned(), schema, known: SCHEMA }),)*
                    _ => Err(BadEvent::Kind(kind.to_owned())),
                }
            }

            /// Names of all kinds, for the golden samples.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($name)),*];
        }
    };
}

/// Layout version of all bodies; a change of a field adds an upcast in [`Event::read`] and raises it.
pub const SCHEMA: i32 = 1;

/// Cash to collect at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashDue {
    /// Fen to collect.
    pub fen: i64,
    /// Whether it is the price of the goods (代收货款) or the freight (到付).
    pub goods: bool,
}

/// Where a recipient has agreed to take deliveries, with the consent that the courier rules ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreed {
    /// At the door.
    Door,
    /// At a point, until collected by code.
    Point,
    /// With a named proxy.
    Proxy,
}

/// A visit as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedVisit {
    /// Id of the visit in the plan.
    pub visit: String,
    /// Where.
    pub site: String,
    /// Planned arrival.
    pub arrive_ms: i64,
    /// Planned begin of handling; later than the arrival where the plan itself waits.
    #[serde(default)]
    pub start_ms: i64,
    /// Planned departure.
    pub depart_ms: i64,
    /// Latest start with which everything after it holds.
    pub latest_ms: i64,
    /// Orders handed over here.
    pub unload: Vec<String>,
    /// Orders taken on here.
    pub load: Vec<String>,
}

/// A trip as published or repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTrip {
    /// Id of the trip.
    pub trip: String,
    /// Vehicle.
    pub vehicle: String,
    /// Driver.
    pub driver: Option<String>,
    /// Visits in order.
    pub visits: Vec<PlannedVisit>,
}

/// What was found of an item at a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// As it should be.
    Good,
    /// Damaged (破损).
    Damaged,
    /// Belongs elsewhere (错分).
    MisSorted,
}

/// An item counted at a hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Order or unit.
    pub item: String,
    /// Its state.
    pub found: Found,
}

/// Kinds of exception, as the one ranked queue knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionKind {
    /// A promise is in danger.
    LateRisk,
    /// Off the planned way.
    Deviation,
    /// No position for too long.
    NoSignal,
    /// Out of the temperature band.
    ColdExcursion,
    /// No proof that the band was kept.
    ColdUnproven,
    /// More on board than allowed.
    Overload,
    /// Refused by the recipient.
    Refused,
    /// A vehicle cannot go on.
    Breakdown,
    /// A road is closed.
    RoadClosed,
    /// A trunk vehicle is late.
    TrunkLate,
    /// An order without a place in the plan.
    Unassigned,
    /// Something is where it should not be.
    WrongPlace,
    /// A hand-over did not match.
    HandOverDifference,
    /// Kept too long at a point.
    Overdue,
    /// Cash counted is not cash due.
    CashDifference,
    /// Returnables counted are not those booked.
    ReturnablesDifference,
    /// A point or store has no room left.
    PointFull,
    /// An order fell away; its stops may too.
    Cancelled,
    /// Orders came one by one; planned stops may move so that all of it costs less.
    TidyUp,
}

impl ExceptionKind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::LateRisk,
        Self::Deviation,
        Self::NoSignal,
        Self::ColdExcursion,
        Self::ColdUnproven,
        Self::Overload,
        Self::Refused,
        Self::Breakdown,
        Self::RoadClosed,
        Self::TrunkLate,
        Self::Unassigned,
        Self::WrongPlace,
        Self::HandOverDifference,
        Self::Overdue,
        Self::CashDifference,
        Self::ReturnablesDifference,
        Self::PointFull,
        Self::Cancelled,
        Self::TidyUp,
    ];
}

/// Whether a vehicle can be counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Able to drive.
    #[default]
    Ready,
    /// Cannot go on where it stands.
    Broken,
    /// Not used today.
    Off,
}

/// Returnables that are counted: what comes back empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returnable {
    /// A village bag (一村一袋).
    Bag,
    /// A box (周转箱).
    Tote,
    /// A rolling cage (笼车).
    Cage,
    /// An insulated box (保温箱).
    CoolBox,
    /// An ice pack (冰袋).
    IcePack,
}

/// How a recipient was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// Scanned by the keeper or driver.
    Scan,
    /// By pick-up code (取件码).
    Code,
    /// By an agreed proxy.
    Proxy,
    /// Signed.
    Signature,
    /// Photographed.
    Photo,
}

/// A vehicle at the version an offer was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The vehicle.
    pub vehicle: String,
    /// Its version.
    pub version: u64,
}

events! {
    /// An order came in.
    OrderPlaced {
        /// Waybill number.
        order: String,
        /// `down`, `up`, `transfer` or `return`.
        direction: String,
        /// Whose waybill.
        carrier: String,
        /// Origin site.
        origin: String,
        /// Destination site.
        destination: String,
        /// Goods class.
        class: String,
        /// Pieces.
        pieces: i64,
        /// Mass.
        g: i64,
        /// Volume.
        cm3: i64,
        /// Promised by.
        promise_ms: i64,
        /// Recipient or sender in the personal table.
        person: Option<i64>,
        /// Cash to collect.
        cash: Option<CashDue>,
        /// Agreed hand-over; none means the door.
        agreed: Option<Agreed>,
        /// Days a point keeps it.
        keep_days: u32,
    } in |e| format!("order/{}", e.order);
    /// Destination, promise or agreed place changed before it was on its last way.
    OrderChanged {
        /// The order.
        order: String,
        /// New destination.
        destination: String,
        /// New promise.
        promise_ms: i64,
        /// New agreed hand-over.
        agreed: Option<Agreed>,
    } in |e| format!("order/{}", e.order);
    /// Cancelled; where it is, it waits for its return.
    OrderCancelled {
        /// The order.
        order: String,
        /// Why.
        cause: String,
    } in |e| format!("order/{}", e.order);
    /// A step of outbound acceptance was done.
    AcceptanceStep {
        /// The order.
        order: String,
        /// Real-name acceptance (实名收寄) done.
        real_name: bool,
        /// Opening check (验视) done.
        inspected: bool,
        /// Machine screening (安检) done.
        screened: bool,
        /// By whom.
        by: String,
    } in |e| format!("order/{}", e.order);
    /// Orders were put into a bag, cage or box.
    UnitPacked {
        /// The unit's own code.
        unit: String,
        /// Where.
        site: String,
        /// Its seal.
        seal: String,
        /// The orders in it.
        orders: Vec<String>,
    } in |e| format!("unit/{}", e.unit);
    /// A unit was opened; its orders are loose again.
    UnitOpened {
        /// The unit.
        unit: String,
        /// Where.
        site: String,
    } in |e| format!("unit/{}", e.unit);
    /// A hand-over was recorded by the giver (交接单).
    HandOverOpened {
        /// Number of the record.
        handover: String,
        /// Where.
        site: String,
        /// Giver.
        from: Holder,
        /// Receiver.
        to: Holder,
        /// The stop it belongs to.
        visit: Option<String>,
        /// Orders that should change hands.
        expected: Vec<String>,
        /// What was counted.
        actual: Vec<Counted>,
        /// Seals read.
        seals: Vec<String>,
    } in |e| format!("handover/{}", e.handover);
    /// The receiver confirmed; custody has moved.
    HandOverConfirmed {
        /// Number of the record.
        handover: String,
        /// Orders whose custody moved.
        moved: Vec<String>,
        /// Expected but not there (少件).
        missing: Vec<String>,
        /// There but not expected (多件).
        extra: Vec<String>,
        /// Who confirmed.
        by: String,
        /// When, by the business clock.
        at_ms: i64,
    } in |e| format!("handover/{}", e.handover);
    /// The trips of a day, as published; one event a trip.
    TripPlanned {
        /// The plan.
        plan: String,
        /// The trip.
        trip: PlannedTrip,
    } in |e| format!("vehicle/{}", e.trip.vehicle);
    /// A trip was taken out of the plan.
    TripDropped {
        /// The trip.
        trip: String,
        /// Its vehicle.
        vehicle: String,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// A vehicle came to a planned stop.
    StopArrived {
        /// The visit.
        visit: String,
        /// The vehicle.
        vehicle: String,
        /// When.
        at_ms: i64,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// Everything at a stop was done.
    StopServed {
        /// The visit.
        visit: String,
        /// The vehicle.
        vehicle: String,
        /// When it left.
        at_ms: i64,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// A stop was not served.
    StopFailed {
        /// The visit.
        visit: String,
        /// The vehicle.
        vehicle: String,
        /// Why.
        cause: String,
        /// Passed without stopping (skipped) rather than tried.
        skipped: bool,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// A parcel waits on a shelf for its recipient.
    Shelved {
        /// The order.
        order: String,
        /// The point.
        site: String,
        /// Shelf code.
        shelf: String,
        /// SHA-256 of salt and pick-up code.
        code_hash: String,
        /// To be returned after this.
        keep_until_ms: i64,
    } in |e| format!("order/{}", e.order);
    /// A wrong pick-up code was tried.
    CodeTried {
        /// The order.
        order: String,
    } in |e| format!("order/{}", e.order);
    /// The recipient has it.
    Delivered {
        /// The order.
        order: String,
        /// Where.
        site: String,
        /// From whom.
        from: Holder,
        /// How it is proved.
        proof: ProofKind,
        /// Hash of a photo or signature.
        evidence: Option<String>,
        /// Metres between the device and the place, where known.
        distance_m: Option<i64>,
        /// When.
        at_ms: i64,
    } in |e| format!("order/{}", e.order);
    /// The recipient refused it; cash is no longer due and its return begins.
    RefusedByRecipient {
        /// The order.
        order: String,
        /// Why.
        cause: String,
    } in |e| format!("order/{}", e.order);
    /// A return began.
    ReturnStarted {
        /// The order.
        order: String,
        /// Why.
        cause: String,
    } in |e| format!("order/{}", e.order);
    /// The sender or its carrier has it back.
    ReturnedToSender {
        /// The order.
        order: String,
        /// From whom.
        from: Holder,
        /// When.
        at_ms: i64,
    } in |e| format!("order/{}", e.order);
    /// Declared lost; the holder answers for it.
    DeclaredLost {
        /// The order.
        order: String,
        /// Who had it.
        from: Holder,
    } in |e| format!("order/{}", e.order);
    /// Cash was taken from a recipient.
    CashTaken {
        /// The order.
        order: String,
        /// Fen.
        fen: i64,
        /// Cash, WeChat, card, …
        method: String,
        /// Who holds it.
        holder: Holder,
    } in |e| format!("cash/{}", e.holder);
    /// A holder's day was closed.
    CashClosed {
        /// Who held it.
        holder: Holder,
        /// Fen that should be there.
        expected_fen: i64,
        /// Fen counted.
        counted_fen: i64,
        /// Who counted.
        by: String,
    } in |e| format!("cash/{}", e.holder);
    /// Something is wrong.
    ExceptionRaised {
        /// Number.
        exception: String,
        /// Kind.
        kind: ExceptionKind,
        /// What it is about: `order/…`, `vehicle/…`, `visit/…`, `handover/…`.
        subject: String,
        /// Who has the thing in charge.
        in_charge: Option<Holder>,
        /// What speaks for it, in figures.
        evidence: String,
        /// What it may cost if nothing is done.
        price_fen: i64,
    } in |e| format!("exception/{}", e.exception);
    /// It is settled.
    ExceptionClosed {
        /// Number.
        exception: String,
        /// How.
        how: String,
        /// Whether anybody had to do anything.
        acted: bool,
    } in |e| format!("exception/{}", e.exception);
    /// A checked repair was offered.
    RepairOffered {
        /// Number of the offer.
        offer: String,
        /// The exception.
        exception: String,
        /// Trips as they would be.
        trips: Vec<PlannedTrip>,
        /// Vehicles it touches at their versions.
        touched: Vec<Touched>,
        /// Its price.
        price_fen: i64,
        /// Lateness it leaves.
        lateness_s: i64,
        /// Stops that move.
        moved_stops: u32,
        /// Trips that fall away.
        #[serde(default)]
        dropped: Vec<String>,
        /// The same change in the planner's words (`repair::Patch` as JSON), so that the plan can be rebuilt from the
        /// log; empty when a person made it by hand.
        #[serde(default)]
        patch: String,
    } in |e| format!("exception/{}", e.exception);
    /// A repair was accepted and is now the plan.
    RepairAccepted {
        /// Number of the offer.
        offer: String,
        /// The exception.
        exception: String,
        /// Who accepted.
        by: String,
    } in |e| format!("exception/{}", e.exception);
    /// A claim of a customer.
    ClaimOpened {
        /// Number.
        claim: String,
        /// The order.
        order: String,
        /// What for.
        cause: String,
        /// Fen asked.
        fen: i64,
    } in |e| format!("claim/{}", e.claim);
    /// A claim was settled.
    ClaimSettled {
        /// Number.
        claim: String,
        /// Fen paid.
        fen: i64,
        /// Who pays.
        by: Holder,
    } in |e| format!("claim/{}", e.claim);
    /// A position segment was sealed.
    PositionsSealed {
        /// Segment name.
        segment: String,
        /// First record's time.
        from_ms: i64,
        /// Last record's time.
        to_ms: i64,
        /// Records.
        count: u64,
        /// Its hash in hex.
        hash: String,
    } in |_| "positions".to_owned();
    /// The recipient agreed how and where it may be handed over; the courier rules ask for it on record.
    ConsentRecorded {
        /// The order.
        order: String,
        /// What was agreed.
        agreed: Agreed,
        /// How it was given: app, call, in writing.
        how: String,
        /// When.
        at_ms: i64,
    } in |e| format!("order/{}", e.order);
    /// Sent to another point because the agreed one cannot take it.
    Diverted {
        /// The order.
        order: String,
        /// Where it was going.
        from: String,
        /// Where it goes now.
        to: String,
        /// Why.
        cause: String,
    } in |e| format!("order/{}", e.order);
    /// Not today: it is held at a named place until the new promised date.
    Deferred {
        /// The order.
        order: String,
        /// Where it waits.
        site: String,
        /// The new promise.
        promise_ms: i64,
        /// Why.
        cause: String,
    } in |e| format!("order/{}", e.order);
    /// How many pieces a place stores at most.
    PointRoom {
        /// The place.
        site: String,
        /// Pieces.
        pieces: i64,
    } in |e| format!("site/{}", e.site);
    /// A vehicle's condition changed.
    VehicleCondition {
        /// The vehicle.
        vehicle: String,
        /// How it is.
        condition: Condition,
        /// The site nearest to where it stands.
        site: Option<String>,
        /// When.
        at_ms: i64,
        /// What is the matter.
        note: String,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// A driver took over a vehicle.
    ShiftStarted {
        /// The driver.
        driver: String,
        /// The vehicle.
        vehicle: String,
        /// When.
        at_ms: i64,
    } in |e| format!("driver/{}", e.driver);
    /// A driver's shift is over.
    ShiftEnded {
        /// The driver.
        driver: String,
        /// When.
        at_ms: i64,
    } in |e| format!("driver/{}", e.driver);
    /// Returnables changed hands.
    ReturnablesMoved {
        /// Number of the record, made by the device.
        record: String,
        /// What.
        item: Returnable,
        /// How many.
        count: i64,
        /// Giver.
        from: Holder,
        /// Receiver.
        to: Holder,
    } in |_| "returnables".to_owned();
    /// Returnables were counted; the count is the new balance.
    ReturnablesCounted {
        /// Who has them.
        holder: Holder,
        /// What.
        item: Returnable,
        /// How many the books say.
        expected: i64,
        /// How many are there.
        counted: i64,
        /// Who counted.
        by: String,
    } in |_| "returnables".to_owned();
    /// A compartment was out of its band for longer than allowed, or nothing proves that it was not.
    ColdRun {
        /// The vehicle.
        vehicle: String,
        /// The compartment.
        compartment: String,
        /// Begin.
        from_ms: i64,
        /// End.
        to_ms: i64,
        /// Worst reading in tenths of a degree; none where nothing was read.
        worst_dc: Option<i32>,
        /// Orders aboard then.
        orders: Vec<String>,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// Settled positions changed what is known of a stop; the last revision counts.
    VisitRevised {
        /// The visit.
        visit: String,
        /// The vehicle.
        vehicle: String,
        /// The arrival that this replaces.
        supersedes_ms: Option<i64>,
        /// When it came.
        arrived_ms: i64,
        /// When it left, if it has.
        left_ms: Option<i64>,
    } in |e| format!("vehicle/{}", e.vehicle);
    /// A scan was given to its carrier's system and awaits its receipt.
    ScanSent {
        /// Number of the scan: `order#n`.
        scan: String,
        /// Whose system.
        carrier: String,
        /// Which attempt, from 1.
        attempt: u32,
        /// When.
        at_ms: i64,
    } in |e| format!("scans/{}", e.carrier);
    /// The carrier's system took it.
    ScanReceipt {
        /// Number of the scan.
        scan: String,
        /// Whose system.
        carrier: String,
        /// Its receipt.
        receipt: String,
        /// When.
        at_ms: i64,
    } in |e| format!("scans/{}", e.carrier);
    /// The carrier's system did not take it.
    ScanFailed {
        /// Number of the scan.
        scan: String,
        /// Whose system.
        carrier: String,
        /// Which attempt.
        attempt: u32,
        /// What it said.
        why: String,
        /// Not again before.
        retry_ms: i64,
    } in |e| format!("scans/{}", e.carrier);
    /// A person was erased from the personal table.
    PersonErased {
        /// The person.
        person: i64,
    } in |e| format!("person/{}", e.person);
}
