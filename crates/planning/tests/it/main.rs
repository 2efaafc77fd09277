//! Planning as a whole: small days of the committed county, planned, checked and counted.

mod night;
