//! Every bound on what this crate reads or keeps, in one place (see `docs/limits.md`).

/// Largest blob header of an OSM PBF file in bytes, as the format defines it (64 KiB).
pub const PBF_HEADER_BYTES_MAX: u32 = 64 * 1024;
/// Largest blob of an OSM PBF file in bytes, packed or unpacked, as the format defines it (32 MiB).
pub const PBF_BLOB_BYTES_MAX: u32 = 32 * 1024 * 1024;
/// Most node references kept of one way; longer ways are reported and left out (OSM itself allows 2,000).
pub const WAY_REFS_MAX: usize = 100_000;
/// Most members looked at of one relation.
pub const RELATION_MEMBERS_MAX: usize = 4_096;
/// Most roads, and most shape points, of one network.
pub const SEGMENTS_MAX: usize = 1 << 28;
/// Longest chain of ways in a turn restriction that passes through ways.
pub const RESTRICTION_VIA_MAX: usize = 12;
/// Most states that turn restrictions through ways may add.
pub const RESTRICTION_STATES_MAX: usize = 200_000;
/// On a small map as many as half its arcs and this: restrictions that overlap on a few ways multiply one another, and a
/// hierarchy over what they make of each other grows with its square.
pub const RESTRICTION_STATES_SMALL: usize = 1_000;
/// Most profiles in a profile file.
pub const PROFILES_MAX: usize = 16;
/// Most time bands in a profile file.
pub const BANDS_MAX: usize = 16;
/// Most metrics (profiles times bands): the width of a bit set.
pub const METRICS_MAX: usize = 64;
/// Largest profile file in bytes.
pub const PROFILE_BYTES_MAX: u64 = 1024 * 1024;
/// Longest text of one tag value that is parsed, in bytes; OSM itself allows 255 characters.
pub const TAG_VALUE_BYTES_MAX: usize = 1_024;
/// Most points in one matrix request.
pub const MATRIX_POINTS_MAX: usize = 20_000;
/// Most cells in one matrix request (2 GiB of answers at 8 bytes each).
pub const MATRIX_CELLS_MAX: usize = 1 << 28;
/// Most places along one route request.
pub const ROUTE_POINTS_MAX: usize = 1_000;
/// Radius of the first search for a road near a point, in metres.
pub const SNAP_FIRST_M: f64 = 1_000.0;
/// Radius of the second and last search for a road near a point, in metres.
pub const SNAP_LAST_M: f64 = 5_000.0;
/// Largest metadata section of a prepared file in bytes.
pub const META_BYTES_MAX: usize = 256 * 1024 * 1024;
