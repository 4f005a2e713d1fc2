//! What a colleague's device may send inside an event, or publish as a card.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_content::kinds::{kind_name, kind_number, needs_write, permitted_content};
use relais_content::v1::{Card, ChannelKind, Content};
use relais_content::validate;
use relais_fuzz::decode;

fuzz_target!(|data: &[u8]| {
    if let Some(content) = decode::<Content>(data) {
        let _ = validate::content(&content);
        let number = kind_number(&content);
        assert_eq!(number == 0, content.kind.is_none());
        let _ = (kind_name(number), needs_write(number));
        for channel in [ChannelKind::Main, ChannelKind::Compartment] {
            let _ = permitted_content(channel, &content);
        }
    }
    if let Some(card) = decode::<Card>(data) {
        let _ = validate::card(&card);
    }
});
