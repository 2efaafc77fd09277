//! The contract of the store, held by both backends, and its behaviour under faults.

mod contract;
mod damage;
mod faults;
mod ledger;
