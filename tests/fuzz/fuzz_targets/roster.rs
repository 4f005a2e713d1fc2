//! Rosters as they stand in a group context, and bodies that a manager signs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmls::prelude::{Extension, Extensions, UnknownExtension};
use prost::Message;
use prost::bytes::Bytes;
use relais_fuzz::{COORDINATOR, COORDINATOR_PHONE, NOW, PRACTICE, STRUCTURE, decode};
use relais_fuzz::{device, key, person};
use relais_wire::ids::ChannelId;
use relais_wire::label::{Label, sign};
use relais_wire::mls::{Leaf, ROSTER_EXTENSION, group_extensions, roster_of};
use relais_wire::roster::{CheckedRoster, judge_creation};
use relais_wire::v1::SignedRoster;

fn judge(signed: &SignedRoster) {
    let Ok(roster) = CheckedRoster::read(signed) else {
        return;
    };
    let creator = Leaf {
        index: Some(0),
        structure: STRUCTURE,
        professional: person(COORDINATOR),
        device: device(COORDINATOR_PHONE),
        key: key(COORDINATOR_PHONE).verifying_key().to_bytes(),
    };
    let head = PRACTICE.head().seq;
    let channel = ChannelId([5; 16]);
    let holds = roster.verify_signature(&PRACTICE);
    let created = judge_creation(&PRACTICE, head, NOW, channel, &roster, &creator);
    assert!(holds.is_ok() || created.is_err());
}

fuzz_target!(|data: &[u8]| {
    if let Some(signed) = decode::<SignedRoster>(data) {
        judge(&signed);
    }
    judge(&SignedRoster {
        body: Bytes::copy_from_slice(data),
        signature: sign(&key(COORDINATOR_PHONE), Label::Roster, data),
    });
    let ours = group_extensions(&SignedRoster::default());
    let Some(required) = ours.iter().next() else {
        return;
    };
    let roster = Extension::Unknown(ROSTER_EXTENSION, UnknownExtension(data.to_vec()));
    if let Ok(extensions) = Extensions::from_vec(vec![required.clone(), roster])
        && let Ok(signed) = roster_of(&extensions)
    {
        assert_eq!(signed.encode_to_vec(), data, "one roster, one encoding");
    }
});
