//! `make fuzz` runs it. What it holds to is in `src/judgement.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| beamlit_operator_fuzz::judgement(data));
