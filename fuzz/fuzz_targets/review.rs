//! `make fuzz` runs it. What it holds to is in `src/review.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| beamlit_operator_fuzz::review(data));
