//! The county's night plan: orders, network and fleet become consolidated loads, loads become one two-echelon,
//! two-way day plan, and the plan becomes files that can be checked and explained alone.
//!
//! Promises: a plan that leaves this crate serves or lists every order exactly once; the same input, seed, step budget
//! and thread count give the same plan. Never: reads a clock by itself to decide anything when a step budget is given.

pub mod account;
pub mod address;
pub mod assemble;
pub mod baselines;
pub mod bounds;
pub mod calendar;
pub mod check;
pub mod closing;
pub mod consolidate;
pub mod county;
pub mod day;
pub mod draft;
pub mod explain;
pub mod export;
mod fast;
pub mod floors;
pub mod forecast;
pub mod frame;
pub mod generate;
pub mod import;
pub mod inputs;
pub mod limits;
pub mod mend;
pub mod network;
pub mod neutrality;
pub mod night;
pub mod orders;
pub mod output;
pub mod publish;
pub mod repair;
pub mod robustness;
pub mod rooms;
pub mod rounds;
pub mod search;
pub mod slack;
pub mod timing;
pub mod travel;
pub mod unserved;
