//! Tests of the solver as its users see it.

mod agreement;
mod oracle;
mod published;
mod random;
mod schema;
