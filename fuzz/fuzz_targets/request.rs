#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| fullon_cache_api::fuzzing::request(text));
