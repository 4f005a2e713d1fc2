//! What a device makes of a group that it is shown, and of one that was begun anew.

use openmls::prelude::LeafNodeParameters;
use openmls_traits::OpenMlsProvider;
use prost::bytes::Bytes;
use relais_wire::ids::ProfessionalId;
use relais_wire::mls::{SUITE_X25519, SUITE_XWING};
use relais_wire::roster::{CheckedRoster, sign_reboot, sign_roster};
use relais_wire::v1::{ChannelEntry, LogHead, SignedRoster};
use sha2::{Digest, Sha256};

use super::*;
use crate::inbox::{ChannelRow, Fault};
use crate::testing::{checked, first_roster, founder};

const OTHER: ChannelId = ChannelId([6; 16]);
const SENT: i64 = 7;

fn alone() -> Engine {
    founder(SUITE_XWING, BEGUN)
}

fn successor(engine: &Engine, prior: &SignedRoster, version: u32) -> SignedRoster {
    let identity = engine.identity().expect("identity");
    let prior = checked(prior);
    let (device, key) = (identity.device(), identity.device_key());
    sign_roster(
        prior.channel,
        Some(&prior),
        &prior.members,
        version,
        device,
        &key,
    )
}

/// The GroupInfo of a new group of this device.
struct Shown<'a> {
    channel: ChannelId,
    incarnation: u32,
    epochs: u64,
    with_tree: bool,
    roster: &'a SignedRoster,
}

impl<'a> Shown<'a> {
    fn of(roster: &'a SignedRoster) -> Self {
        Self {
            channel: CHANNEL,
            incarnation: 0,
            epochs: 0,
            with_tree: false,
            roster,
        }
    }

    fn info(&self, engine: &mut Engine) -> Bytes {
        let made = engine.new_group(self.channel, self.incarnation, self.roster);
        let mut group = made.expect("a group");
        let (provider, signer) = (
            engine.provider(),
            engine.identity().expect("identity").signer(),
        );
        for _ in 0..self.epochs {
            let renewed = group.self_update(&provider, &signer, LeafNodeParameters::default());
            renewed.expect("renewed");
            group.merge_pending_commit(&provider).expect("merged");
        }
        let info = group.export_group_info(provider.crypto(), &signer, self.with_tree);
        let info = info.expect("exported").to_bytes().expect("encoded");
        let forgotten = engine.forget_group(self.channel, self.incarnation);
        forgotten.expect("only what it says is needed");
        info.into()
    }

    fn state(&self, engine: &mut Engine) -> GroupState {
        GroupState {
            incarnation: self.incarnation,
            epoch: self.epochs,
            group_info: self.info(engine),
            ..GroupState::default()
        }
    }
}

/// Why it is not used, if so.
fn judged<T>(result: Result<T, Fault>) -> String {
    match result {
        Ok(_) => "good".into(),
        Err(Fault::Waits(head)) => format!("waits {head:?}"),
        Err(Fault::Park(reason) | Fault::Stop(reason) | Fault::Lost(reason)) => reason,
        Err(other) => format!("{other:?}"),
    }
}

const ANOTHER: &str = "the server showed another group";

#[test]
fn a_group_is_used_only_if_all_of_it_is_this_channels_at_this_place() {
    let mut engine = alone();
    let roster = first_roster(&engine, CHANNEL);
    let shown = Shown::of(&roster);
    let good = shown.state(&mut engine);
    assert_eq!(judged(engine.check_group(CHANNEL, &good)), "good");

    let renumbered = GroupState {
        incarnation: 1,
        ..good.clone()
    };
    assert_eq!(judged(engine.check_group(CHANNEL, &renumbered)), ANOTHER);
    let ahead = GroupState {
        epoch: 1,
        ..good.clone()
    };
    assert_eq!(judged(engine.check_group(CHANNEL, &ahead)), ANOTHER);
    assert_eq!(judged(engine.check_group(OTHER, &good)), ANOTHER);
    let others = first_roster(&engine, OTHER);
    let of_another_circle = Shown::of(&others).state(&mut engine);
    assert_eq!(
        judged(engine.check_group(CHANNEL, &of_another_circle)),
        ANOTHER
    );
    let mut weaker = founder(SUITE_X25519, BEGUN);
    assert_eq!(judged(weaker.check_group(CHANNEL, &good)), ANOTHER);
    // Its structure entry is on the way.
    let mut stranger = alone();
    assert_eq!(judged(stranger.check_group(CHANNEL, &good)), "waits None");
}

#[test]
fn a_group_info_of_another_form_is_not_read() {
    let mut engine = alone();
    let roster = first_roster(&engine, CHANNEL);
    let shown = Shown::of(&roster);
    let plain = shown.info(&mut engine);
    let (_, read) = engine.read_group_info(&plain).expect("read");
    assert_eq!(read.hash, checked(&roster).hash);
    let with_tree = Shown {
        with_tree: true,
        ..shown
    };
    let with_tree = with_tree.info(&mut engine);
    assert_eq!(
        judged(engine.read_group_info(&with_tree)),
        "a group info of another form"
    );
    engine.read_group_info(&[]).expect_err("nothing");
}

#[test]
fn a_group_that_is_over_is_not_entered() {
    let over = "the server showed a group that is over";
    let mut engine = alone();
    let roster = first_roster(&engine, CHANNEL);
    let shown = Shown {
        incarnation: 1,
        epochs: 2,
        ..Shown::of(&roster)
    };
    let state = shown.state(&mut engine);
    for (incarnation, epoch, expected) in [
        (0, 9, "good"),
        (1, 1, "good"),
        (1, 2, "good"),
        (1, 3, over),
        (2, 0, over),
    ] {
        put(&engine, CHANNEL, "rejoin", 3, 9);
        let at = "UPDATE channels SET incarnation = ?1, epoch = ?2";
        engine.db.execute(at, [incarnation, epoch]).expect("put");
        let found = judged(engine.check_group(CHANNEL, &state));
        assert_eq!(found, expected, "{incarnation} {epoch}");
    }
}

#[test]
fn a_group_of_an_older_circle_or_another_of_the_same_age_is_not_entered() {
    let older = "a roster older than one known here";
    let known = |engine: &Engine, roster: &SignedRoster| {
        let put = engine.put_roster(CHANNEL, &checked(roster), None);
        put.expect("put");
    };
    let mut engine = alone();
    let first = first_roster(&engine, CHANNEL);
    let second = successor(&engine, &first, 0);
    let other_second = successor(&engine, &first, 1);
    known(&engine, &first);
    let rosters = [&first, &second, &other_second];
    let states = rosters.map(|roster| Shown::of(roster).state(&mut engine));
    let judge = |engine: &mut Engine| {
        let judged = states
            .iter()
            .map(|state| judged(engine.check_group(CHANNEL, state)));
        judged.collect::<Vec<_>>()
    };
    assert_eq!(judge(&mut engine), ["good", "good", "good"]);
    known(&engine, &second);
    assert_eq!(judge(&mut engine), [older, "good", older]);
}

/// A channel in which a new group was begun, and the entry that says so.
struct Begun {
    engine: Engine,
    row: ChannelRow,
    entry: ChannelEntry,
}

impl Begun {
    fn by(mut engine: Engine, make: impl FnOnce(&mut Engine, &CheckedRoster) -> Bytes) -> Self {
        put(&engine, CHANNEL, "joined", 3, 9);
        let first = checked(&first_roster(&engine, CHANNEL));
        engine.put_roster(CHANNEL, &first, Some(3)).expect("put");
        let row = engine.channel_row(CHANNEL).expect("read").expect("a row");
        let entry = ChannelEntry {
            channel_id: CHANNEL.to_bytes(),
            seq: 10,
            time_ms: BEGUN,
            device_id: engine.identity().expect("identity").device().to_bytes(),
            payload: make(&mut engine, &first),
            ..ChannelEntry::default()
        };
        Self { engine, row, entry }
    }

    fn plain() -> Self {
        Self::by(alone(), |engine, first| next(engine, first).1)
    }

    /// This device wants a new group; `sent`: it began this one.
    fn wants(self, sent: bool) -> Self {
        let db = &self.engine.db;
        let intent = "INSERT INTO intents (id, channel, kind, payload, state, created_ms)
                      VALUES (?1, ?2, 'reboot', x'', 'sent', 1)";
        db.execute(intent, params![SENT, CHANNEL.0]).expect("it");
        if sent {
            let send = "INSERT INTO sends (counter, intent, channel, bytes, payload_hash)
                        VALUES (1, ?1, ?2, x'', ?3)";
            let hash = Sha256::digest(&self.entry.payload);
            db.execute(send, params![SENT, CHANNEL.0, hash.as_slice()])
                .expect("sent");
        }
        self
    }

    fn applied(&mut self, own: bool) -> String {
        let (row, entry) = (&self.row, &self.entry);
        judged(self.engine.apply_rebooted(CHANNEL, row, entry, own))
    }

    /// State, incarnation, epoch, and whether a new group is wanted.
    fn now(&self) -> (String, u32, u64, bool) {
        let row = self.engine.channel_row(CHANNEL).expect("read");
        let row = row.expect("a row");
        let wanted = self.engine.is_rebooting(CHANNEL).expect("read");
        (row.state, row.incarnation, row.epoch, wanted)
    }
}

fn head(engine: &Engine) -> LogHead {
    engine.structure.head()
}

/// The roster of a new group, and its GroupInfo.
fn next(engine: &mut Engine, first: &CheckedRoster) -> (SignedRoster, Bytes) {
    let known = head(engine);
    next_knowing(engine, first, known)
}

fn next_knowing(
    engine: &mut Engine,
    first: &CheckedRoster,
    head: LogHead,
) -> (SignedRoster, Bytes) {
    let identity = engine.identity().expect("identity");
    let roster = sign_reboot(first, head, identity.device(), &identity.device_key());
    let shown = Shown {
        incarnation: 1,
        ..Shown::of(&roster)
    };
    let info = shown.info(engine);
    (roster, info)
}

#[test]
fn whoever_began_a_new_group_goes_on_in_it_and_others_come_back_to_it() {
    let mut begun = Begun::plain().wants(true);
    assert_eq!(begun.now(), ("joined".into(), 0, 0, true));
    assert_eq!(begun.applied(true), "good");
    assert_eq!(begun.now(), ("joined".into(), 1, 0, false));
    assert_eq!(begun.engine.roster(CHANNEL).expect("roster").version, 2);
    let told: String = read(&begun.engine, "SELECT kind FROM notices WHERE seq = 10");
    assert_eq!(told, "rebooted");

    // Who wanted one too, and who did not.
    for wants in [true, false] {
        let begun = Begun::plain();
        let mut begun = if wants { begun.wants(false) } else { begun };
        assert_eq!(begun.applied(false), "good");
        assert_eq!(begun.now(), ("rejoin".into(), 0, 0, false));
        assert_eq!(begun.engine.roster(CHANNEL).expect("roster").version, 2);
    }
    // The same bytes in the name of another device are not this one's work.
    let mut begun = Begun::plain().wants(true);
    assert_eq!(begun.applied(false), "good");
    assert_eq!(begun.now(), ("rejoin".into(), 0, 0, false));
    // And this device's name under unknown ones is a copy's.
    let mut begun = Begun::plain();
    assert_eq!(begun.applied(true), "Clone");
}

#[test]
fn a_new_group_holds_for_the_group_that_it_follows_alone() {
    let lost = "a new group after an unknown one";
    for (incarnation, epoch) in [(1, 0), (0, 1)] {
        let mut begun = Begun::plain();
        (begun.entry.incarnation, begun.entry.epoch) = (incarnation, epoch);
        assert_eq!(begun.applied(false), lost);
    }
    let another = "a new group of another channel";
    let made: [fn(&mut Engine, &SignedRoster) -> Bytes; 3] = [
        |engine, roster| {
            let shown = Shown {
                incarnation: 2,
                ..Shown::of(roster)
            };
            shown.info(engine)
        },
        |engine, roster| {
            let shown = Shown {
                incarnation: 1,
                epochs: 1,
                ..Shown::of(roster)
            };
            shown.info(engine)
        },
        |_, _| {
            let mut weaker = founder(SUITE_X25519, BEGUN);
            let first = checked(&first_roster(&weaker, CHANNEL));
            next(&mut weaker, &first).1
        },
    ];
    for (number, make) in made.into_iter().enumerate() {
        let mut begun = Begun::by(alone(), |engine, first| {
            let roster = next(engine, first).0;
            make(engine, &roster)
        });
        assert_eq!(begun.applied(false), another, "{number}");
        assert_eq!(begun.now().0, "joined");
    }
}

#[test]
fn a_new_group_that_breaks_a_rule_is_none() {
    let begun_at = |seq: i64| {
        Begun::by(alone(), |engine, first| {
            let known = head(engine);
            let seq = known.seq.checked_add_signed(seq).expect("a number");
            let hash = vec![9; 32].into();
            next_knowing(engine, first, LogHead { seq, hash }).1
        })
    };
    assert_eq!(begun_at(1).applied(false), "waits Some(4)");
    for known in [0, -1] {
        assert_eq!(
            begun_at(known).applied(false),
            "the new group knows another structure log"
        );
    }
    let mut nobodys = Begun::plain();
    nobodys.entry.device_id = Bytes::new();
    assert_eq!(nobodys.applied(false), "a new group without an author");
    let mut anothers = Begun::plain();
    anothers.entry.device_id = vec![9; 16].into();
    assert_ne!(anothers.applied(false), "good");
    let mut with_another = Begun::by(alone(), |engine, first| {
        let mut wider = first.clone();
        let guest = *wider.members.values().next().expect("somebody");
        wider.members.insert(ProfessionalId([9; 16]), guest);
        next(engine, &wider).1
    });
    assert_ne!(with_another.applied(false), "good");
    let mut garbage = Begun::by(alone(), |_, _| vec![1, 2, 3].into());
    assert_ne!(garbage.applied(false), "good");
    assert_eq!(garbage.now().0, "joined");
}

#[test]
fn a_return_that_was_refused_leaves_no_group_behind() {
    let mut engine = alone();
    put(&engine, CHANNEL, "joined", 3, 9);
    engine.begin_rejoin(CHANNEL, "lost", 0).expect("begun");
    let intent = engine.comeback(CHANNEL).expect("read").expect("an intent");
    let roster = first_roster(&engine, CHANNEL);
    // An external commit's is of the incarnation that was shown, a reboot's of the next.
    for incarnation in [0, 1] {
        let staged = engine.new_group(CHANNEL, incarnation, &roster);
        staged.expect("staged");
    }
    let refused = engine.rejoin_refused(CHANNEL, intent.id, RefusalCode::WrongEpoch, "slower");
    refused.expect("heard");
    let left: u64 = read(&engine, "SELECT count(*) FROM mls");
    assert_eq!(left, 0);
}
