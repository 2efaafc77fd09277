//! Days lived by the state machine: one by hand, and many at random with the invariants checked after every command.

mod day;
mod golden;
mod random;
mod stores;
