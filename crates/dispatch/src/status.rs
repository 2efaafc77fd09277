//! One status vocabulary over all carriers, and its mapping to others, which is a data file: codes of the query
//! services change, and a changed code must not need a new program.

use crate::holder::Holder;
use crate::state::{OrderState, Phase};
use std::collections::BTreeMap;

/// The mapping shipped with the program: ours, Chinese, two query services' codes, EPCIS step and disposition.
pub const DEFAULT_MAP: &str = include_str!("../data/status_map.csv");

/// One row of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// Text for people.
    pub zh: String,
    /// Codes of other services by column name, several separated by blanks.
    pub codes: BTreeMap<String, String>,
}

/// The status of an order in our vocabulary, a key of the mapping.
#[must_use]
pub fn of(order: &OrderState) -> &'static str {
    match (&order.holder, order.phase) {
        (Holder::Recipient(_), _) => "delivered",
        (Holder::Returned(_), _) => "returned",
        (Holder::Lost(_), _) => "exception",
        (_, Phase::Returning | Phase::Cancelled) => "returning",
        (_, Phase::Shelved) => "at_point",
        (Holder::Site(_) | Holder::Sender(_), _) if order.held_until_ms.is_some() => "deferred",
        (Holder::Sender(_), _) => "created",
        (Holder::Carrier(_), Phase::Placed) => "created",
        (Holder::Carrier(_), _) => "in_transit",
        (Holder::Vehicle(_), _) => "out_for_delivery",
        (Holder::Site(site), _) if *site == order.destination => "at_point",
        (Holder::Site(site), _) if *site == order.origin && order.direction != "down" => "collected",
        (Holder::Site(_), _) => "at_station",
    }
}

/// Reads a mapping: CSV without quotes, the first two columns `ours` and `zh`.
///
/// # Errors
/// The row that does not have as many fields as the header.
pub fn read_map(text: &str) -> Result<BTreeMap<String, StatusRow>, String> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (_, head) = lines.next().ok_or("the status map is empty")?;
    let names: Vec<&str> = head.split(',').collect();
    let mut map = BTreeMap::new();
    for (n, line) in lines {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != names.len() || fields.len() < 2 {
            return Err(format!("row {}: {} fields, the header has {}", n + 1, fields.len(), names.len()));
        }
        let codes =
            names.iter().zip(&fields).skip(2).map(|(n, f)| ((*n).to_owned(), (*f).to_owned())).collect();
        map.insert(fields[0].to_owned(), StatusRow { zh: fields[1].to_owned(), codes });
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_map_knows_every_status_we_give() {
        let map = read_map(DEFAULT_MAP).unwrap();
        for ours in [
            "created",
            "collected",
            "in_transit",
            "at_station",
            "out_for_delivery",
            "at_point",
            "delivered",
            "exception",
            "returning",
            "returned",
        ] {
            assert!(map.contains_key(ours), "{ours}");
        }
        assert_eq!(map["delivered"].codes["kuaidi100"], "3");
    }

    #[test]
    fn a_short_row_is_named() {
        assert_eq!(read_map("ours,zh,x\na,b").unwrap_err(), "row 2: 2 fields, the header has 3");
    }
}
