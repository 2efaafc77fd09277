#![no_main]

#[path = "../src/telematics.rs"]
#[allow(dead_code)] // each target runs one of the checks
mod telematics;

libfuzzer_sys::fuzz_target!(|data: &[u8]| telematics::session(data));
