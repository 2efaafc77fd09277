//! The binary as its users run it.

mod daemon;
mod demo;
mod faults;
mod kill;
mod load;
mod telematics;
