//! The daemon through real sockets.

mod access;
mod alliance;
mod document;
mod harness;
mod safety;
mod stream;
mod webhooks;
