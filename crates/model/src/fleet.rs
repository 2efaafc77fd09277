//! Vehicles: kinds, compartments, layouts of convertible ones, prices, range and charging.

use crate::driver::Licence;
use crate::id::{BandId, CarrierId, Code, SiteId};
use crate::time::Window;
use crate::units::Amount;
use serde::{Deserialize, Serialize};

/// Size classes, smallest first; a site names the largest that can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VehicleKind {
    /// Micro van (微面), 2.5 to 5 m³.
    MicroVan,
    /// Light van, 4 to 7 m³.
    Van,
    /// 4.2 m box truck, 14 to 20 m³.
    Truck,
    /// Bus with a freight hold; runs on lines only.
    Bus,
}

impl VehicleKind {
    /// All kinds, smallest first.
    pub const ALL: [Self; 4] = [Self::MicroVan, Self::Van, Self::Truck, Self::Bus];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MicroVan => "micro_van",
            Self::Van => "van",
            Self::Truck => "truck",
            Self::Bus => "bus",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// One closed room of a vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compartment {
    /// Its name within the layout, unique there: the band's id unless the fleet says otherwise.
    pub name: String,
    /// The band it keeps.
    pub band: BandId,
    /// What it holds.
    pub room: Amount,
}

/// One way to set up a vehicle. A vehicle with a removable section has several; a trip uses one, chosen at its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Compartments in order; a load names its compartment by position.
    pub compartments: Vec<Compartment>,
}

/// One vehicle.
#[derive(Clone, Debug)]
pub struct Vehicle {
    /// Outside id.
    pub id: Code,
    /// Number plate.
    pub plate: String,
    /// Size class.
    pub kind: VehicleKind,
    /// Road profile: `van`, `truck`, `bus`, `micro_van`.
    pub profile: String,
    /// Owner.
    pub carrier: Option<CarrierId>,
    /// Where its day begins and ends, and where it charges.
    pub base: SiteId,
    /// Most grams over all compartments.
    pub payload_g: i64,
    /// Ways to set it up, at least one.
    pub layouts: Vec<Layout>,
    /// Price of using it on a day, in fen.
    pub fixed_fen: i64,
    /// Price of a kilometre, in fen.
    pub km_fen: i64,
    /// Range with a full battery in metres; `None` for fuel.
    pub range_m: Option<i64>,
    /// Metres of range won by a second of charging at the base.
    pub charge_m_s: i64,
    /// Most trips on a day.
    pub trips_max: u32,
    /// Hours in which it can be out.
    pub available: Window,
    /// Licence that its driver needs.
    pub licence: Licence,
    /// Carriers whose goods it may not take (postal seals, exclusions).
    pub excludes: Vec<CarrierId>,
    /// Bought with a subsidy: subject to the five-year rule and the marking.
    pub subsidised: bool,
    /// Asset marks as written.
    pub flags: Vec<String>,
}

impl Vehicle {
    /// Price of a driven length in fen, rounded half up once for the whole day of the vehicle.
    #[must_use]
    pub const fn distance_fen(&self, length_m: i64) -> i64 {
        (length_m * self.km_fen + 500) / 1000
    }
}
