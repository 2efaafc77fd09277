//! Whole days by seed.

mod days;
