//! `make fuzz` runs it. What it holds to is in `src/defaults.rs`.
#![no_main]

use beamlit_operator_fuzz::mutate;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| beamlit_operator_fuzz::defaults(data));
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::objects(data, size, max_size, seed, &mut fuzzer_mutate)
});
