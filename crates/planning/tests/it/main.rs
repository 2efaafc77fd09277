//! Planning as a whole: small days of the committed county, planned, checked and counted; the corpora of fuzz targets.

mod corpora;
mod dawn;
mod night;
