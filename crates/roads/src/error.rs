//! What can go wrong, each with its stable code (`docs/errors.md`).

use std::path::PathBuf;
use thiserror::Error;

/// A failure of reading, building or asking a road network.
#[derive(Debug, Error)]
pub enum RoadsError {
    /// R001: a file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// R002: neither OSM PBF nor OSM XML.
    #[error("{path}: not an OpenStreetMap file; expected .osm.pbf or .osm (XML)")]
    NotOsm {
        /// The file.
        path: PathBuf,
    },
    /// R003: the frame of a PBF file is broken or cut off.
    #[error("{path}: broken OSM PBF at byte {at}: {what}")]
    BadPbf {
        /// The file.
        path: PathBuf,
        /// Byte offset of the blob in the file.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// R004: an XML file is not well-formed or not OSM.
    #[error("{path}: broken OSM XML at byte {at}: {what}")]
    BadXml {
        /// The file.
        path: PathBuf,
        /// Byte offset in the file.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// R005: no road that any profile may use.
    #[error("no road in the file that any profile may use")]
    NoRoads,
    /// R006: a profile file is wrong.
    #[error("profile file: {what}")]
    BadProfile {
        /// What is wrong and what would be right.
        what: String,
    },
    /// R007: a profile that the network does not have.
    #[error("no profile \"{name}\"; this network has: {have}")]
    UnknownProfile {
        /// The name asked for.
        name: String,
        /// The names there are.
        have: String,
    },
    /// R008: a time band that the network does not have.
    #[error("no time band \"{name}\"; this network has: {have}")]
    UnknownBand {
        /// The name asked for.
        name: String,
        /// The names there are.
        have: String,
    },
    /// R009: not a prepared road file.
    #[error("{path}: not a prepared road network; make one with `xiangyun roads build`")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// R010: a prepared file of another format version or byte order.
    #[error(
        "{path}: prepared file of format {found}, this program reads {want}; build it again from the OSM file"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Version that can be read.
        want: u32,
    },
    /// R011: a checksum does not fit: the file is rotten.
    #[error("{path}: checksum of section \"{section}\" does not fit; the file is damaged, build it again")]
    Rotten {
        /// The file.
        path: PathBuf,
        /// The damaged section.
        section: String,
    },
    /// R012: a prepared file that is cut off or whose tables contradict one another.
    #[error("{path}: incomplete or inconsistent prepared file: {what}")]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// R013: more than a bound of `limits` allows.
    #[error("too much of {what}: {found}, at most {max}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// The bound.
        max: u64,
    },
    /// R014: no usable road within reach of a point.
    #[error("no road for this profile within {radius_m} m of {lon}, {lat}")]
    NoRoadNear {
        /// Longitude in degrees.
        lon: f64,
        /// Latitude in degrees.
        lat: f64,
        /// Radius searched, in metres.
        radius_m: u32,
    },
    /// R015: both places are on roads, but no way leads from one to the other.
    #[error("no way from place {from} to place {to} for this profile and time (a road may be closed)")]
    Unreachable {
        /// Index of the first place, from 0.
        from: usize,
        /// Index of the second place.
        to: usize,
    },
    /// R016: a coordinate that is not a place.
    #[error("{lon}, {lat} is not a place on earth in degrees, longitude first")]
    BadPlace {
        /// The longitude given.
        lon: f64,
        /// The latitude given.
        lat: f64,
    },
    /// R017: a road that the network does not have.
    #[error("no road segment {segment}; the network has {count}")]
    UnknownSegment {
        /// The number asked for.
        segment: u32,
        /// How many there are.
        count: u32,
    },
    /// R018: too few places for the question.
    #[error("{what}")]
    BadRequest {
        /// What is wrong with the request.
        what: String,
    },
}

impl RoadsError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "R001",
            Self::NotOsm { .. } => "R002",
            Self::BadPbf { .. } => "R003",
            Self::BadXml { .. } => "R004",
            Self::NoRoads => "R005",
            Self::BadProfile { .. } => "R006",
            Self::UnknownProfile { .. } => "R007",
            Self::UnknownBand { .. } => "R008",
            Self::Foreign { .. } => "R009",
            Self::Version { .. } => "R010",
            Self::Rotten { .. } => "R011",
            Self::Inconsistent { .. } => "R012",
            Self::TooMuch { .. } => "R013",
            Self::NoRoadNear { .. } => "R014",
            Self::Unreachable { .. } => "R015",
            Self::BadPlace { .. } => "R016",
            Self::UnknownSegment { .. } => "R017",
            Self::BadRequest { .. } => "R018",
        }
    }

    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Codes of problems in OSM data: found, reported with the object's id, survived.
pub mod import_code {
    /// A way refers to nodes that the file does not have.
    pub const MISSING_NODES: &str = "R020";
    /// A coordinate outside the earth.
    pub const OUT_OF_RANGE: &str = "R021";
    /// The same id twice.
    pub const DUPLICATE: &str = "R022";
    /// A tag value that cannot be understood.
    pub const BAD_TAG: &str = "R023";
    /// A turn restriction that is malformed or refers to what is not there.
    pub const BAD_RESTRICTION: &str = "R024";
    /// A road of no length.
    pub const NO_LENGTH: &str = "R025";
    /// A condition that is not honoured.
    pub const CONDITION: &str = "R026";
    /// A way longer than the bound.
    pub const TOO_LONG: &str = "R027";
    /// A way with fewer than two nodes.
    pub const FEW_NODES: &str = "R028";
    /// An unknown access value, read as "open".
    pub const ACCESS: &str = "R029";
}
