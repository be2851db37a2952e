#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ovpack::fuzzing::member_name(bytes));
