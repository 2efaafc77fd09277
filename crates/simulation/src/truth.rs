//! Where every parcel really is, whatever the desk believes.

use std::collections::{BTreeMap, BTreeSet};

/// A real place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Where {
    /// On its carrier's truck, or handed over to it.
    Carrier,
    /// With its sender at the origin.
    Sender,
    /// At a site.
    Site(String),
    /// On a vehicle.
    Vehicle(String),
    /// With its recipient.
    Recipient,
}

/// One parcel or lot.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) at: Where,
    pub(crate) origin: String,
    pub(crate) destination: String,
    pub(crate) carrier: String,
    pub(crate) down: bool,
    pub(crate) transfer: bool,
    pub(crate) cash_fen: Option<i64>,
    pub(crate) consent: bool,
    /// Screened and ready for an outbound trunk.
    pub(crate) accepted: bool,
    pub(crate) keep_days: u32,
}

/// All parcels.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) parcels: BTreeMap<String, Parcel>,
    by_place: BTreeMap<Where, BTreeSet<String>>,
}

impl Truth {
    pub(crate) fn add(&mut self, id: &str, parcel: Parcel) {
        self.by_place.entry(parcel.at.clone()).or_default().insert(id.to_owned());
        self.parcels.insert(id.to_owned(), parcel);
    }

    pub(crate) fn set(&mut self, id: &str, at: Where) {
        if let Some(parcel) = self.parcels.get_mut(id) {
            if let Some(old) = self.by_place.get_mut(&parcel.at) {
                old.remove(id);
            }
            self.by_place.entry(at.clone()).or_default().insert(id.to_owned());
            parcel.at = at;
        }
    }

    pub(crate) fn is(&self, id: &str, at: &Where) -> bool {
        self.parcels.get(id).is_some_and(|p| p.at == *at)
    }

    pub(crate) fn at(&self, place: &Where) -> Vec<String> {
        self.by_place.get(place).map_or_else(Vec::new, |s| s.iter().cloned().collect())
    }
}
