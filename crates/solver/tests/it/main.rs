//! Tests of the solver as its users see it.

mod published;
