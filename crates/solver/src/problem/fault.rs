//! Faults of a problem, each with a stable code, the field meant and a cure.

use thiserror::Error;

/// Something that no search can start from. Codes `V501` to `V513`; `docs/errors.md` has an entry for each.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// V501: a number is negative or too large.
    #[error("V501 {field}: {value} lies outside 0 to 2^50; scale the unit")]
    OutOfRange {
        /// Path of the field, such as `jobs[3].service`.
        field: String,
        /// What was found.
        value: i64,
    },
    /// V502: a window ends before it starts, or windows overlap or are out of order.
    #[error("V502 {field}: windows must end after they start, in order and apart; found {from} to {to}")]
    Window {
        /// Path of the field.
        field: String,
        /// Start found.
        from: i64,
        /// End found.
        to: i64,
    },
    /// V503: a reference to something that does not exist.
    #[error("V503 {field}: there is no number {found}; there are {have}")]
    Missing {
        /// Path of the field.
        field: String,
        /// Number referred to.
        found: u64,
        /// How many exist.
        have: u64,
    },
    /// V504: no matrix, or matrices of different sizes.
    #[error("V504 profiles: {what}; give one matrix for each profile, all over the same places")]
    Matrices {
        /// What is wrong.
        what: String,
    },
    /// V505: a matrix cell out of range.
    #[error(
        "V505 profiles[{profile}]: cell {from},{to} holds {value}; use 0 to 2^50, NO_WAY where there is none"
    )]
    Cell {
        /// Profile.
        profile: usize,
        /// Row.
        from: usize,
        /// Column.
        to: usize,
        /// Value found.
        value: i64,
    },
    /// V506: too many of something.
    #[error("V506 {field}: {found} are too many; at most {most}")]
    TooMany {
        /// What there is too much of.
        field: String,
        /// How many were given.
        found: u64,
        /// The bound.
        most: u64,
    },
    /// V507: no vehicle at all.
    #[error("V507 kinds: no vehicle; add one kind with a count of 1 or more")]
    NoVehicle,
    /// V508: a list of loads longer than the dimensions.
    #[error("V508 {field}: {found} dimensions where the problem has {have}")]
    Dimensions {
        /// Path of the field.
        field: String,
        /// How many were given.
        found: usize,
        /// How many exist.
        have: usize,
    },
    /// V509: a shipment that does not match.
    #[error("V509 {field}: {what}")]
    Shipment {
        /// Path of the field.
        field: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// V510: a kind without a layout of its hold.
    #[error("V510 {field}: no layout; give one capacity list, of zeros if it carries nothing")]
    NoLayout {
        /// Path of the field.
        field: String,
    },
    /// V511: an outside name given twice.
    #[error("V511 {field}: the name \"{name}\" is there twice; names must differ or be empty")]
    TwiceNamed {
        /// Path of the second field.
        field: String,
        /// The name.
        name: String,
    },
    /// V513: numbers that are sound one by one, but of which a plan may sum up too much.
    #[error("V513 {field}: a plan may sum up to more than 2^60 of it; use a larger unit")]
    Sum {
        /// What is summed up: `time`, `distance`, `cost` or `load`.
        field: String,
    },
    /// V512: a rule whose length makes it impossible.
    #[error("V512 {field}: {what}")]
    Rule {
        /// Path of the field.
        field: String,
        /// What is wrong and what would be right.
        what: String,
    },
}

impl Fault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "V501",
            Self::Window { .. } => "V502",
            Self::Missing { .. } => "V503",
            Self::Matrices { .. } => "V504",
            Self::Cell { .. } => "V505",
            Self::TooMany { .. } => "V506",
            Self::NoVehicle => "V507",
            Self::Dimensions { .. } => "V508",
            Self::Shipment { .. } => "V509",
            Self::NoLayout { .. } => "V510",
            Self::TwiceNamed { .. } => "V511",
            Self::Rule { .. } => "V512",
            Self::Sum { .. } => "V513",
        }
    }

    /// Path of the field meant.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::OutOfRange { field, .. }
            | Self::Window { field, .. }
            | Self::Missing { field, .. }
            | Self::TooMany { field, .. }
            | Self::Dimensions { field, .. }
            | Self::Shipment { field, .. }
            | Self::NoLayout { field }
            | Self::Sum { field }
            | Self::TwiceNamed { field, .. }
            | Self::Rule { field, .. } => field.clone(),
            Self::Matrices { .. } => "profiles".into(),
            Self::Cell { profile, .. } => format!("profiles[{profile}]"),
            Self::NoVehicle => "kinds".into(),
        }
    }
}
