//! The daemon through real sockets.

mod access;
mod alliance;
mod document;
mod harness;
mod limits;
mod night;
mod outward;
mod ready;
mod repairs;
mod safety;
mod stream;
mod studies;
mod webhooks;
