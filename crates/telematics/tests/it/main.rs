//! Tests of the crate as its users see it.

mod apps;
mod corpora;
mod examples;
#[cfg(feature = "gateway")]
mod gateway;
mod torture;
mod upper;
mod vectors;
