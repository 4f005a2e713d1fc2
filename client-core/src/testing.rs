//! For this crate's tests: a device alone in its structure, and what its database holds.

use relais_wire::ids::ChannelId;
use relais_wire::mls::SUITE_XWING;
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::v1::{ChannelRole, SignedRoster};
use rusqlite::params;
use rusqlite::types::FromSql;

use crate::engine::Engine;
pub(crate) use crate::identity::testing::{colleague, founder};

/// When everything happens, unless a test says otherwise.
pub(crate) const BEGUN: u64 = 1_750_000_000_000;
pub(crate) const CHANNEL: ChannelId = ChannelId([5; 16]);

/// A channel that was read to an entry, in a state.
pub(crate) fn put(engine: &Engine, channel: ChannelId, state: &str, joined: u64, cursor: u64) {
    let sql = "INSERT OR REPLACE INTO channels (channel, incarnation, epoch, joined_seq,
               cursor_seq, cursor_hash, cursor_time_ms, state, created_ms)
               VALUES (?1, 0, 0, ?2, ?3, x'', 0, ?4, 1)";
    let row = params![channel.0, joined, cursor, state];
    engine.db.execute(sql, row).expect("channel");
}

pub(crate) fn read<T: FromSql>(engine: &Engine, sql: &str) -> T {
    let value = engine.db.query_row(sql, [], |row| row.get(0));
    value.expect("a value")
}

/// Of a circle in which the person of this device is alone.
pub(crate) fn first_roster(engine: &Engine, channel: ChannelId) -> SignedRoster {
    let identity = engine.identity().expect("identity");
    let manager = Member {
        role: ChannelRole::Manager,
        expires_at_ms: None,
    };
    let members = [(identity.professional(), manager)].into();
    let (device, key) = (identity.device(), identity.device_key());
    sign_roster(channel, None, &members, 0, device, &key)
}

pub(crate) fn checked(roster: &SignedRoster) -> CheckedRoster {
    CheckedRoster::read(roster).expect("a roster")
}

/// A device alone in a channel, at the first epoch of its group.
pub(crate) fn alone_in_channel() -> Engine {
    let mut engine = founder(SUITE_XWING, BEGUN);
    let roster = first_roster(&engine, CHANNEL);
    put(&engine, CHANNEL, "joined", 1, 9);
    let kept = engine.put_roster(CHANNEL, &checked(&roster), Some(1));
    kept.expect("kept");
    let group = engine.new_group(CHANNEL, 0, &roster).expect("a group");
    engine.keep_group(CHANNEL, group);
    engine
}
