//! `make fuzz` runs it. What it holds to is in `src/defaults.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| beamlit_operator_fuzz::defaults(data));
