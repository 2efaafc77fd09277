//! Tests of the crate as its users see it.

mod apps;
mod corpora;
mod examples;
mod torture;
mod upper;
mod vectors;
