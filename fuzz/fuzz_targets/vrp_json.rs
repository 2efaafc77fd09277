#![no_main]

#[path = "../src/solver.rs"]
#[allow(dead_code)] // each target runs one of the checks
mod solver;

libfuzzer_sys::fuzz_target!(|data: &[u8]| solver::vrp_json(data));
