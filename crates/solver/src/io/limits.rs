//! Bounds on everything the readers take from outside. Indexed in `docs/limits.md`.

/// Longest instance or solution file read, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// Most nodes (customers and depots) of a public instance.
pub const NODES_MAX: usize = 50_000;
/// Most vehicles, listed or counted.
pub const VEHICLES_MAX: usize = 50_000;
/// Most cells of one explicit matrix.
pub const MATRIX_CELLS_MAX: usize = 36_000_000;
/// Largest coordinate, either sign, in the instance's unit.
pub const COORDINATE_MAX: f64 = 1e6;
/// Largest time, service, release or prize, in the instance's unit.
pub const TIME_MAX: f64 = 1e9;
/// Largest explicit distance or time between two places, in the instance's unit.
pub const ARC_MAX: f64 = 1e8;
/// Largest demand or capacity, in the instance's unit.
pub const AMOUNT_MAX: f64 = 1e9;
/// Largest fixed or unit cost, in the instance's unit.
pub const COST_MAX: f64 = 1e9;
/// Longest token quoted in a problem, in characters.
pub const QUOTE_CHARS_MAX: usize = 60;
/// Most jobs, shipment ends included, of a rich (JSON) problem.
pub const RICH_JOBS_MAX: usize = 50_000;
/// Most load dimensions of a rich problem.
pub const RICH_DIMENSIONS_MAX: usize = 16;
/// Most windows of one job, one end or one break.
pub const RICH_WINDOWS_MAX: usize = 64;
/// Largest time, duration, load or cost of a rich problem (they are integers).
pub const RICH_VALUE_MAX: i64 = 1_000_000_000_000;
/// Largest duration, distance or cost of one matrix cell of a rich problem.
pub const RICH_CELL_MAX: i64 = 4_000_000_000;
