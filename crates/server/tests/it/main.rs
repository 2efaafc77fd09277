//! The daemon through real sockets.

mod access;
mod alliance;
mod document;
mod harness;
mod night;
mod outward;
mod repairs;
mod safety;
mod stream;
mod studies;
mod webhooks;
