use std::collections::BTreeMap;

use openmls::prelude::tls_codec::Serialize as _;
use relais_wire::mls::SUITE_XWING;
use relais_wire::roster::{Member, sign_roster};
use relais_wire::v1::GroupState;
use sha2::{Digest, Sha256};

use super::*;
use crate::testing::{BEGUN, CHANNEL, alone_in_channel, checked, founder, read};

const INTENT: i64 = 7;

fn person(number: u8) -> ProfessionalId {
    ProfessionalId([number; 16])
}

fn member(role: ChannelRole, expires_at_ms: Option<u64>) -> Member {
    Member {
        role,
        expires_at_ms,
    }
}

#[test]
fn every_change_of_a_circle_is_told_once_and_nothing_else() {
    use ChannelRole::{Contributor, Manager, Reader};
    let engine = founder(SUITE_XWING, BEGUN);
    let roster = |members: &[(u8, Member)]| -> CheckedRoster {
        let members: BTreeMap<_, _> = members.iter().map(|(n, m)| (person(*n), *m)).collect();
        let identity = engine.identity().expect("identity");
        let (device, key) = (identity.device(), identity.device_key());
        checked(&sign_roster(CHANNEL, None, &members, 0, device, &key))
    };
    let manager = (1, member(Manager, None));
    let before = roster(&[
        manager,
        (2, member(Contributor, None)),
        (3, member(Contributor, None)),
        (4, member(Reader, None)),
    ]);
    let after = roster(&[
        manager,
        (2, member(Manager, None)),
        (3, member(Contributor, Some(BEGUN + 1))),
        (5, member(Reader, None)),
        (6, member(Contributor, None)),
    ]);
    assert_eq!(
        roster_changes(&before, &after),
        [
            ("role", person(2), "manager".to_owned()),
            ("role", person(3), "contributor".to_owned()),
            ("added", person(5), "reader".to_owned()),
            ("added", person(6), "contributor".to_owned()),
            ("removed", person(4), String::new()),
        ]
    );
    assert_eq!(roster_changes(&after, &after), []);
}

/// A device alone in a channel, at the group's first epoch.
struct Alone {
    engine: Engine,
}

impl Alone {
    fn new() -> Self {
        Self {
            engine: alone_in_channel(),
        }
    }

    /// Its own renewal, pending here and sent.
    fn renewal(&mut self) -> ChannelEntry {
        let staged = self.engine.stage_renewal(CHANNEL, 1);
        let payload = staged.expect("staged").payload;
        self.sent("renew", &payload);
        self.entry(payload)
    }

    /// The group as a server shows it.
    fn shown(&mut self) -> GroupState {
        let group = self.engine.take_group(CHANNEL).expect("the group");
        let signer = self.engine.identity().expect("identity").signer();
        let crypto = self.engine.provider();
        let info = group.export_group_info(crypto.crypto(), &signer, false);
        let tree = group.export_ratchet_tree().tls_serialize_detached();
        let state = GroupState {
            epoch: group.epoch().as_u64(),
            group_info: info.expect("exported").to_bytes().expect("encoded").into(),
            ratchet_tree: tree.expect("encoded").into(),
            ..GroupState::default()
        };
        self.engine.keep_group(CHANNEL, group);
        state
    }

    /// Its own return into the group that is shown, sent.
    fn comeback(&mut self) -> ChannelEntry {
        let shown = self.shown();
        let staged = self.engine.external_commit(CHANNEL, &shown, 1);
        self.engine.groups.remove(&CHANNEL);
        let payload = staged.expect("staged").payload;
        self.sent("rejoin", &payload);
        self.entry(payload)
    }

    fn sent(&self, kind: &str, payload: &[u8]) {
        let intent = "INSERT INTO intents (id, channel, kind, payload, state, created_ms)
                      VALUES (?1, ?2, ?3, x'', 'sent', 1)";
        let intent = self
            .engine
            .db
            .execute(intent, params![INTENT, CHANNEL.0, kind]);
        intent.expect("an intent");
        let send = "INSERT INTO sends (counter, intent, channel, epoch, bytes, payload_hash)
                    VALUES (1, ?1, ?2, 0, x'', ?3)";
        let hash = Sha256::digest(payload);
        let send = self
            .engine
            .db
            .execute(send, params![INTENT, CHANNEL.0, hash.as_slice()]);
        send.expect("sent");
    }

    fn entry(&self, payload: prost::bytes::Bytes) -> ChannelEntry {
        ChannelEntry {
            channel_id: CHANNEL.to_bytes(),
            seq: 10,
            time_ms: BEGUN,
            device_id: self
                .engine
                .identity()
                .expect("identity")
                .device()
                .to_bytes(),
            payload,
            ..ChannelEntry::default()
        }
    }

    fn apply(&mut self, entry: &ChannelEntry) -> Result<(), Fault> {
        let row = self.engine.channel_row(CHANNEL).expect("read");
        let row = row.expect("a row");
        self.engine.apply_commit(CHANNEL, &row, entry, true)
    }

    fn intents(&self) -> u64 {
        read(&self.engine, "SELECT count(*) FROM intents WHERE id = 7")
    }

    fn epochs(&mut self) -> (u64, u64) {
        let row = self.engine.channel_row(CHANNEL).expect("read");
        let group = self.engine.take_group(CHANNEL).expect("the group");
        let epoch = group.epoch().as_u64();
        self.engine.keep_group(CHANNEL, group);
        (row.expect("a row").epoch, epoch)
    }
}

#[test]
fn a_commit_names_the_structure_head_by_which_it_is_judged() {
    let mut alone = Alone::new();
    let head = alone.engine.structure.head().seq;
    assert!(head > 1);
    let renewal = alone.renewal().payload;
    assert_eq!(committed_head(&renewal), Some(head));
    assert_eq!(committed_head(&renewal[..20]), None);
    assert_eq!(committed_head(&[]), None);
    let comeback = Alone::new().comeback().payload;
    assert_eq!(committed_head(&comeback), Some(head));
    // Another kind of sender (RFC 9420, section 6: 2, external; 3, a new member's proposal).
    let sender = 4 + 1 + 20 + 8;
    assert_eq!(comeback[sender], 4);
    for kind in [0, 2, 3, 5] {
        let mut other = comeback.to_vec();
        other[sender] = kind;
        assert_eq!(committed_head(&other), None);
    }
}

#[test]
fn an_own_commit_holds_in_its_epoch_and_ends_what_was_under_way_in_it() {
    let mut alone = Alone::new();
    let entry = alone.renewal();
    for (id, epoch, live) in [(20, 0, true), (21, 1, true), (22, 0, false)] {
        let db = &alone.engine.db;
        let intent = "INSERT INTO intents (id, channel, kind, payload, state, created_ms)
                      VALUES (?1, ?2, 'event', x'', 'sent', 1)";
        db.execute(intent, params![id, CHANNEL.0]).expect("it");
        let send = "INSERT INTO sends (counter, intent, channel, epoch, bytes, payload_hash, live)
                    VALUES (?1, ?1, ?2, ?3, x'', x'', ?4)";
        let row = params![id, CHANNEL.0, epoch, live];
        db.execute(send, row).expect("sent");
    }
    for (incarnation, epoch) in [(1, 0), (0, 1)] {
        let elsewhere = ChannelEntry {
            incarnation,
            epoch,
            ..entry.clone()
        };
        let refused = alone.apply(&elsewhere).expect_err("of another epoch");
        assert!(matches!(refused, Fault::Lost(_)), "{refused:?}");
    }
    assert_eq!((alone.epochs(), alone.intents()), ((0, 0), 1));
    alone.apply(&entry).expect("applied");
    assert_eq!((alone.epochs(), alone.intents()), ((1, 1), 0));
    let states = "SELECT group_concat(state, ' ') FROM (SELECT state FROM intents ORDER BY id)";
    assert_eq!(
        read::<String>(&alone.engine, states),
        "waiting sent sent",
        "what was encrypted for the epoch that ended is encrypted again"
    );
    let live = "SELECT group_concat(live, ' ') FROM (SELECT live FROM sends WHERE counter >= 20
                ORDER BY counter)";
    assert_eq!(read::<String>(&alone.engine, live), "0 1 0");
    assert_eq!(alone.engine.link.in_flight, 1);
    let told: u64 = read(&alone.engine, "SELECT count(*) FROM notices");
    assert_eq!(told, 0, "a renewal is nobody's news");
    assert_eq!(alone.engine.roster(CHANNEL).expect("roster").version, 1);
}

#[test]
fn an_own_return_is_told_once_and_goes_on_in_the_epoch_after() {
    let mut alone = Alone::new();
    let entry = alone.comeback();
    alone.apply(&entry).expect("applied");
    assert_eq!((alone.epochs(), alone.intents()), ((1, 1), 0));
    let me = alone.engine.identity().expect("identity").device();
    let told = "SELECT group_concat(kind || ' ' || detail) FROM notices WHERE seq = 10";
    assert_eq!(
        read::<String>(&alone.engine, told),
        format!("rejoined {me}")
    );
}

#[test]
fn a_commit_in_this_devices_name_that_it_does_not_know_is_a_copys() {
    let mut alone = Alone::new();
    let entry = alone.renewal();
    alone
        .engine
        .db
        .execute("DELETE FROM sends", [])
        .expect("it");
    let refused = alone.apply(&entry).expect_err("unknown");
    assert!(matches!(refused, Fault::Clone), "{refused:?}");
}

#[test]
fn a_commit_that_is_not_pending_any_more_is_come_back_from() {
    let mut alone = Alone::new();
    let entry = alone.renewal();
    let cleared = alone.engine.clear_pending_commit(CHANNEL);
    cleared.expect("cleared");
    let refused = alone.apply(&entry).expect_err("not pending");
    assert!(matches!(refused, Fault::Lost(_)), "{refused:?}");
}

#[test]
fn a_circle_of_a_newer_relais_is_not_misread() {
    let mut engine = founder(SUITE_XWING, BEGUN);
    let identity = engine.identity().expect("identity");
    let members = [(identity.professional(), member(ChannelRole::Manager, None))].into();
    let (device, key) = (identity.device(), identity.device_key());
    let of = |version| checked(&sign_roster(CHANNEL, None, &members, version, device, &key));
    let (present, newer) = (of(crate::CLIENT_VERSION), of(crate::CLIENT_VERSION + 1));
    engine.require_version(&present).expect("understood");
    assert_eq!(engine.troubles(), []);
    let refused = engine.require_version(&newer).expect_err("newer");
    assert!(matches!(refused, Fault::Waits(None)), "{refused:?}");
    assert_eq!(engine.troubles(), [Trouble::UpdateNeeded]);
}

#[test]
fn whoever_is_removed_keeps_what_was_read_and_no_key() {
    let mut alone = Alone::new();
    alone.engine.leave(CHANNEL).expect("left");
    let row = alone.engine.channel_row(CHANNEL).expect("read");
    assert_eq!(row.expect("a row").state, "removed");
    assert_eq!(read::<u64>(&alone.engine, "SELECT count(*) FROM mls"), 0);
    assert_eq!(alone.engine.roster(CHANNEL).expect("kept").version, 1);
}
