//! Why a command was refused, with codes `D2xx`, the field at fault and what would be right.

use thiserror::Error;

/// A refusal; nothing was changed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// An id that must be new exists.
    #[error("D201 {field}: \"{id}\" exists already")]
    Exists {
        /// JSON pointer of the field.
        field: &'static str,
        /// The id.
        id: String,
    },
    /// An id that must exist does not.
    #[error("D202 {field}: \"{id}\" is not known")]
    Unknown {
        /// JSON pointer of the field.
        field: &'static str,
        /// The id.
        id: String,
    },
    /// The thing is in a state that does not allow it.
    #[error("D203 {subject} is {is}; this needs {needs}")]
    State {
        /// The thing.
        subject: String,
        /// Its state.
        is: String,
        /// The state needed.
        needs: &'static str,
    },
    /// Items are not with the giver.
    #[error("D204 {} of the items are not with {from}: {}", items.len(), items.join(", "))]
    NotHeld {
        /// The giver named.
        from: String,
        /// The items.
        items: Vec<String>,
    },
    /// A value is outside its range.
    #[error("D205 {field}: {found} is not allowed; {want}")]
    Value {
        /// JSON pointer of the field.
        field: &'static str,
        /// What was given.
        found: String,
        /// What would be right.
        want: &'static str,
    },
    /// A pick-up code is wrong.
    #[error("D206 the pick-up code does not fit order {order}; {left} tries left")]
    WrongCode {
        /// The order.
        order: String,
        /// Tries left before the code is blocked for the day.
        left: u32,
    },
    /// The offer was made for a state that is gone.
    #[error(
        "D207 offer {offer} is stale: {vehicle} changed since (version {now}, offer made for {then}); ask anew"
    )]
    Stale {
        /// The offer.
        offer: String,
        /// A vehicle that changed.
        vehicle: String,
        /// Its version now.
        now: u64,
        /// Its version in the offer.
        then: u64,
    },
    /// An outbound parcel lacks a legal step.
    #[error("D208 order {order} may not leave: {missing} is missing")]
    NotAccepted {
        /// The order.
        order: String,
        /// The step, in the law's word.
        missing: &'static str,
    },
    /// Cash that was not closed or does not fit.
    #[error("D209 {what}")]
    Cash {
        /// What does not fit.
        what: String,
    },
    /// Goods may not be left there.
    #[error(
        "D210 order {order} has no consent to be left at {site}; call the recipient or deliver to the door"
    )]
    NoConsent {
        /// The order.
        order: String,
        /// The place.
        site: String,
    },
    /// A point has no room left.
    #[error("D211 {site} is full ({room} pieces); divert the order to another point or return it")]
    Full {
        /// The point.
        site: String,
        /// What it stores.
        room: i64,
    },
}
