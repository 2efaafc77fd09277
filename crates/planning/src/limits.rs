//! Named bounds of planning; `docs/limits.md` lists them.

/// Most orders of one day.
pub const ORDERS_MAX: usize = 200_000;
/// Most goods classes, and most carriers, that one day tells apart.
pub const CLASSES_MAX: usize = 32;
/// Most temperature rooms kept apart within one day besides the ordinary one.
pub const ROOMS_MAX: usize = 3;
/// Most iterations of one inner search, whatever the budget.
pub const INNER_STEPS_MAX: u64 = 20_000;
/// Most threads that search.
pub const THREADS_MAX: usize = 16;
