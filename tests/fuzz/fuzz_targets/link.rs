//! What a person pastes as a link.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_wire::link::Link;

fuzz_target!(|text: &str| {
    if let Ok(link) = text.parse::<Link>() {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
});
