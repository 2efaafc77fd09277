//! The binary as its users run it.

mod demo;
mod kill;
mod load;
mod telematics;
