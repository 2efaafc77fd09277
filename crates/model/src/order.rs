//! Orders: one order is one waybill, a parcel or a lot. [`OrderRecord`] is the row as files write it, [`Order`] the
//! same after its references are resolved for one plan date.

use crate::id::{CarrierId, ClassId, Code, SiteId};
use crate::time::Window;
use crate::units::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// A parcel from the hub to a station or village point.
    Down,
    /// A lot from a village point or station to the hub, or by the hub to a gateway.
    Up,
    /// From one station or village point to another within the county.
    Transfer,
    /// A parcel that goes back: from a point to the hub or, by the hub, to a gateway.
    Return,
}

impl OrderKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Down, Self::Up, Self::Transfer, Self::Return];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Transfer => "transfer",
            Self::Return => "return",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// One row of an orders file; empty texts stand for "not given".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderRecord {
    /// Waybill number, unique in the file.
    pub id: String,
    /// `down`, `up`, `transfer` or `return`.
    pub kind: String,
    /// Id of the carrier whose waybill it is.
    pub carrier: String,
    /// Site where the goods are.
    pub origin: String,
    /// Site where they must go; for outbound goods the gateway or the hub.
    pub destination: String,
    /// Goods class.
    pub class: String,
    /// Pieces, at least 1.
    pub pieces: String,
    /// Mass in grams.
    pub weight_g: String,
    /// Volume in cm³.
    pub volume_cm3: String,
    /// When the goods are at their origin, local `YYYY-MM-DDTHH:MM`. For `down` this is the arrival at the hub; they
    /// can be loaded when their wave is sorted.
    pub ready: String,
    /// Latest hand-over at the destination, local `YYYY-MM-DDTHH:MM`; for outbound goods latest departure of the lane.
    pub promise: String,
    /// Hours in which the recipient or sender can be served, `HH:MM-HH:MM` of the plan date, or empty.
    pub window: String,
    /// First day on which it was to be served, `YYYY-MM-DD`; empty is the plan date.
    pub first_due: String,
    /// How often it has been deferred.
    pub deferrals: String,
    /// Price of an hour of lateness in fen; empty takes the class's.
    pub late_fen_h: String,
    /// Price of not serving it today in fen, before age; empty takes the class's.
    pub unserved_fen: String,
    /// For outbound goods: `yes` when real-name acceptance, opening check and screening are done; `no` holds it back.
    pub cleared: String,
    /// What really happened, only in arrival files: local `YYYY-MM-DDTHH:MM` or empty when it did not come.
    pub arrived_at: String,
}

impl OrderRecord {
    /// Columns of an orders file in order.
    pub const COLUMNS: [&'static str; 17] = [
        "id",
        "kind",
        "carrier",
        "origin",
        "destination",
        "class",
        "pieces",
        "weight_g",
        "volume_cm3",
        "ready",
        "promise",
        "window",
        "first_due",
        "deferrals",
        "late_fen_h",
        "unserved_fen",
        "cleared",
    ];

    /// The values in the order of [`Self::COLUMNS`].
    #[must_use]
    pub fn values(&self) -> [&str; 17] {
        [
            &self.id,
            &self.kind,
            &self.carrier,
            &self.origin,
            &self.destination,
            &self.class,
            &self.pieces,
            &self.weight_g,
            &self.volume_cm3,
            &self.ready,
            &self.promise,
            &self.window,
            &self.first_due,
            &self.deferrals,
            &self.late_fen_h,
            &self.unserved_fen,
            &self.cleared,
        ]
    }
}

/// One order, resolved. Times are seconds from local midnight of the plan date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Waybill number.
    pub id: Code,
    /// Which way it goes.
    pub kind: OrderKind,
    /// Whose waybill.
    pub carrier: CarrierId,
    /// Where the goods are.
    pub origin: SiteId,
    /// Where they must go; may be a gateway.
    pub destination: SiteId,
    /// Goods class.
    pub class: ClassId,
    /// What it weighs and takes up.
    pub amount: Amount,
    /// When the goods are at their origin; sorting at the hub comes on top for `down` (see `wave::Waves`).
    pub ready_s: i64,
    /// Latest hand-over without lateness.
    pub promise_s: i64,
    /// Hours in which the far end can be served on the plan date.
    pub window: Option<Window>,
    /// First day on which it was to be served.
    pub first_due: Date,
    /// How often it has been deferred before this plan.
    pub deferrals: u32,
    /// Price of an hour of lateness in fen.
    pub late_fen_h: i64,
    /// Price of not serving it today in fen, before age.
    pub unserved_fen: i64,
    /// Whether it may board an outbound trunk.
    pub cleared: bool,
}

impl Order {
    /// Whether it leaves the villages or stations for the hub or beyond.
    #[must_use]
    pub const fn is_outbound(&self) -> bool {
        matches!(self.kind, OrderKind::Up | OrderKind::Return)
    }
}
