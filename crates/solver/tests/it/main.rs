//! Tests of the solver as its users see it.

mod agreement;
mod corpora;
mod dialects;
mod documents;
mod explain;
mod model;
mod oracle;
mod published;
mod random;
mod schema;
mod vroom;
