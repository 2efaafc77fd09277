#![no_main]

#[path = "../src/tracks.rs"]
mod tracks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tracks::track_file(data);
});
