//! Goods classes, temperature bands, and which classes may not share a vehicle.

use crate::handling::UnitKind;
use crate::id::{BandId, ClassId, Code};

/// A temperature band in tenths of a degree Celsius; `None` is no limit on that side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Outside id, such as `ambient` or `chilled`.
    pub id: Code,
    /// Chinese name.
    pub name_zh: String,
    /// Lowest temperature in 0.1 °C.
    pub min_dc: Option<i32>,
    /// Highest temperature in 0.1 °C.
    pub max_dc: Option<i32>,
    /// Whether keeping it needs cooling (cold store, cold compartment).
    pub cold: bool,
}

/// A class of goods: all that the plan must know of a kind of cargo.
#[derive(Clone, Debug)]
pub struct GoodsClass {
    /// Outside id, such as `parcel` or `agrochemical`.
    pub id: Code,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The band it belongs in.
    pub band: BandId,
    /// Longest time out of its band in seconds, summed from origin to destination: every leg in a compartment of
    /// another band, and every wait at a place without cold room. `None` is no limit.
    pub out_of_band_max_s: Option<i64>,
    /// Longest time from leaving its origin to reaching its last planned place, in seconds. `None` is no limit.
    pub on_way_max_s: Option<i64>,
    /// Classes that may not be in the same vehicle at the same time. Symmetric.
    pub incompatible: Vec<ClassId>,
    /// The unit it travels in.
    pub unit: UnitKind,
    /// Whether lines that carry passengers may take it (no dangerous goods, no agrochemicals).
    pub on_lines: bool,
    /// Price of an hour of lateness for one order, in fen.
    pub late_fen_h: i64,
    /// Price of not serving one order on its day, in fen; age makes it dearer (`Costs::unserved_fen`).
    pub unserved_fen: i64,
}

impl GoodsClass {
    /// Whether the two classes may share a vehicle.
    #[must_use]
    pub fn goes_with(&self, other: ClassId) -> bool {
        !self.incompatible.contains(&other)
    }
}
