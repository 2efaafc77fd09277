#![no_main]

#[path = "../src/roads.rs"]
#[allow(dead_code)] // each target runs one of the checks
mod roads;

libfuzzer_sys::fuzz_target!(|data: &[u8]| roads::osm_tags(data));
