#![no_main]

#[path = "../src/planning.rs"]
#[allow(dead_code)] // each target runs one of the checks
mod planning;

libfuzzer_sys::fuzz_target!(|data: &[u8]| planning::orders_xlsx(data));
