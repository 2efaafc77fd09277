//! Places of the network: the hub, township stations, village points, produce parks and gateways.

use crate::fleet::VehicleKind;
use crate::geo::LonLat;
use crate::id::{Code, SiteId};
use crate::time::{Hours, Window};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteKind {
    /// The county's sorting and distribution centre (县级物流中心).
    Hub,
    /// A township station (乡镇物流中转站).
    Station,
    /// A village point (村级物流服务点).
    Village,
    /// A produce park or township processing centre with pre-cooling.
    Park,
    /// A city beyond the county, reached by an outbound lane from the hub; our vehicles do not drive there.
    Gateway,
}

impl SiteKind {
    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Station => "station",
            Self::Village => "village",
            Self::Park => "park",
            Self::Gateway => "gateway",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Hub, Self::Station, Self::Village, Self::Park, Self::Gateway]
            .into_iter()
            .find(|k| k.word() == word)
    }
}

/// One place.
#[derive(Clone, Debug)]
pub struct Site {
    /// Outside id, unique in the county.
    pub id: Code,
    /// What it is for.
    pub kind: SiteKind,
    /// Division code (GB/T 2260 and its township and village digits) or empty.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English or pinyin name.
    pub name_en: String,
    /// Other names people write.
    pub aliases: Vec<String>,
    /// Where it is, WGS-84.
    pub place: LonLat,
    /// Where the coordinates come from.
    pub coord_source: String,
    /// Expected distance from the true place in metres.
    pub coord_uncertainty_m: i64,
    /// The hub of a station, the station of a village.
    pub parent: Option<SiteId>,
    /// Opening hours by weekday.
    pub hours: Hours,
    /// Dates on which it is closed.
    pub closed_days: Vec<Date>,
    /// Whether goods may be left with nobody present, outside the hours too.
    pub unattended: bool,
    /// Seconds of every stop, whatever is handed over.
    pub service_s: i64,
    /// Seconds for each handled unit: a sealed load counts its units, a broken one its pieces.
    pub unit_s: i64,
    /// Most pieces that can be kept.
    pub store_pieces: i64,
    /// Ambient room in cm³.
    pub store_cm3: i64,
    /// Cold room in cm³; 0 where there is none.
    pub store_cold_cm3: i64,
    /// Vehicles that can be served at once; 0 means no limit (a village square).
    pub docks: u32,
    /// Largest vehicle that can come here.
    pub max_vehicle: VehicleKind,
    /// Marked poor (重点贫困): a higher floor of service.
    pub poor: bool,
    /// Marked remote: a higher floor of service.
    pub remote: bool,
    /// Further flags as written.
    pub flags: Vec<String>,
    /// Phase of building, for example `2018` or `2019`.
    pub phase: String,
    /// Day of opening; a site that opens later than the plan date is not in the plan.
    pub opened_on: Option<Date>,
}

impl Site {
    /// Whether it exists and is not closed for the whole day.
    #[must_use]
    pub fn works_on(&self, date: Date) -> bool {
        self.opened_on.is_none_or(|opened| opened <= date)
            && !self.closed_days.contains(&date)
            && (self.unattended || !self.hours.on(date).is_empty())
    }

    /// Windows on a date of which one must hold the whole handling. Goods may be dropped at an unattended place at
    /// any time of the day, but nothing is collected there outside its hours: say so by `collects`.
    #[must_use]
    pub fn windows_on(&self, date: Date, collects: bool) -> Vec<Window> {
        if !self.works_on(date) {
            Vec::new()
        } else if self.unattended && !collects {
            vec![Window { from_s: 0, to_s: 2 * crate::time::DAY_S }]
        } else {
            self.hours.on(date).to_vec()
        }
    }

    /// Seconds a stop here takes for `handled` units, both ways: a sealed load counts its units, a broken one its
    /// pieces.
    #[must_use]
    pub const fn stop_s(&self, handled: i64) -> i64 {
        self.service_s + self.unit_s * handled
    }

    /// Seconds that `handled` units need to cross the floor here, from the end of the stop that drops them to the
    /// earliest loading onto another vehicle.
    #[must_use]
    pub const fn crossing_s(&self, handled: i64) -> i64 {
        self.unit_s * handled
    }
}
