//! Carriers of the alliance, and when their trucks reach the hub.

use crate::id::{CarrierId, Code};

/// One carrier (快递企业, 邮政, 供销社).
#[derive(Clone, Debug)]
pub struct Carrier {
    /// Outside id.
    pub id: Code,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Assumed share of the parcels, in ten-thousandths.
    pub share_bp: i64,
    /// Assumed share of what leaves the villages, in ten-thousandths.
    pub share_up_bp: i64,
    /// Carriers with whose goods it may not share a vehicle (symmetric).
    pub excludes: Vec<CarrierId>,
    /// Whether its bags stay sealed: village bags are made at the hub and not opened at a station.
    pub sealed: bool,
    /// Where it delivers today on its own: every village, or township seats only.
    pub today_villages: bool,
}

/// One expected arrival of a carrier's truck at the hub.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Whose truck.
    pub carrier: CarrierId,
    /// When, seconds from midnight.
    pub arrives_s: i64,
    /// Part of the carrier's parcels of the day, in ten-thousandths.
    pub share_bp: i64,
}
