//! Tests of the solver as its users see it.

mod agreement;
mod published;
mod random;
mod schema;
