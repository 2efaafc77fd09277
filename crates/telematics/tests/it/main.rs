//! Tests of the crate as its users see it.

mod apps;
mod corpora;
mod examples;
#[cfg(feature = "gateway")]
mod gateway;
#[cfg(feature = "parquet")]
mod readers;
mod torture;
mod upper;
mod vectors;
