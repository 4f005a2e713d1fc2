//! What a person wants, kept until the log settles it or it visibly fails.

use std::collections::BTreeMap;

use prost::bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::roster::Member;
use relais_wire::v1::ChannelRole;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// A staging is tried so often before a person must decide.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// Doubled with each counted attempt after the first.
const PAUSE_MS: u64 = 50;

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// A signed event, verbatim.
    Event { id: EventId, signed: Vec<u8> },
    /// Register a channel whose group exists here.
    CreateChannel(NewChannel),
    /// Change who is in a channel.
    Members(MembersChange),
    /// Renew this device's leaf.
    Renew,
    /// Remove the leaves of those who are no longer members.
    Follow,
    /// Come back to a channel by an external commit.
    Rejoin,
    /// Begin a new MLS group for a channel.
    Reboot,
    /// Append statements to the structure log.
    Statements(Vec<Bytes>),
    /// Replace the published key packages.
    KeyPackages,
    /// Replace the directory's key, or encrypt cards under the present one.
    Directory,
    /// Put a sealed item into a device's inbox.
    Sealed {
        device: DeviceId,
        kem_output: Vec<u8>,
        ciphertext: Vec<u8>,
    },
}

/// See [`Wish::CreateChannel`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NewChannel {
    #[serde(with = "hex::serde")]
    pub group_info: Vec<u8>,
    #[serde(with = "hex::serde")]
    pub ratchet_tree: Vec<u8>,
}

/// See [`Wish::Members`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct MembersChange {
    pub add: Vec<MemberWish>,
    pub remove: Vec<HexId>,
    /// Key packages claimed for this change, by device; empty for one that has none.
    pub claimed: Vec<(HexId, HexBytes)>,
    /// Claims made: devices may be added while the change waits.
    pub claims: u32,
}

impl MembersChange {
    /// The circle that it makes out of these members.
    pub fn applied_to(
        &self,
        members: &BTreeMap<ProfessionalId, Member>,
    ) -> BTreeMap<ProfessionalId, Member> {
        let mut members = members.clone();
        for wish in &self.add {
            let member = Member {
                role: wish.role(),
                expires_at_ms: wish.expires_at_ms,
            };
            members.insert(wish.professional(), member);
        }
        members.retain(|id, _| !self.remove.iter().any(|gone| gone.0 == id.0));
        members
    }
}

/// A member to be added, or whose role or end changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MemberWish {
    pub professional: HexId,
    pub role: i32,
    pub expires_at_ms: Option<u64>,
    /// Encoded `MembershipNote`, written to the thread after the commit.
    pub note: HexBytes,
}

impl MemberWish {
    pub fn professional(&self) -> ProfessionalId {
        ProfessionalId(self.professional.0)
    }

    pub fn role(&self) -> ChannelRole {
        ChannelRole::try_from(self.role).unwrap_or(ChannelRole::Unspecified)
    }
}

/// 16 bytes, hexadecimal in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HexId(#[serde(with = "hex::serde")] pub [u8; 16]);

/// Bytes, hexadecimal in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HexBytes(#[serde(with = "hex::serde")] pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct SealedWish {
    device: HexId,
    kem_output: HexBytes,
    ciphertext: HexBytes,
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|_| Error::Corrupt("intent"))
}

impl Wish {
    fn kind(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::CreateChannel(_) => "create",
            Self::Members(_) => "members",
            Self::Renew => "renew",
            Self::Follow => "follow",
            Self::Rejoin => "rejoin",
            Self::Reboot => "reboot",
            Self::Statements(_) => "statements",
            Self::KeyPackages => "key_packages",
            Self::Directory => "directory",
            Self::Sealed { .. } => "sealed",
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        match self {
            Self::Event { signed, .. } => Ok(signed.clone()),
            Self::CreateChannel(new) => json(new),
            Self::Members(change) => json(change),
            Self::Renew
            | Self::Follow
            | Self::Rejoin
            | Self::Reboot
            | Self::KeyPackages
            | Self::Directory => Ok(Vec::new()),
            Self::Statements(statements) => {
                let list: Vec<_> = statements.iter().map(|s| HexBytes(s.to_vec())).collect();
                json(&list)
            }
            Self::Sealed {
                device,
                kem_output,
                ciphertext,
            } => json(&SealedWish {
                device: HexId(device.0),
                kem_output: HexBytes(kem_output.clone()),
                ciphertext: HexBytes(ciphertext.clone()),
            }),
        }
    }

    fn decode(kind: &str, payload: Vec<u8>, event_id: Option<[u8; 16]>) -> Result<Self> {
        let corrupt = |_| Error::Corrupt("intent");
        Ok(match kind {
            "event" => Self::Event {
                id: EventId(event_id.ok_or(Error::Corrupt("intent"))?),
                signed: payload,
            },
            "create" => Self::CreateChannel(serde_json::from_slice(&payload).map_err(corrupt)?),
            "members" => Self::Members(serde_json::from_slice(&payload).map_err(corrupt)?),
            "renew" => Self::Renew,
            "follow" => Self::Follow,
            "rejoin" => Self::Rejoin,
            "reboot" => Self::Reboot,
            "key_packages" => Self::KeyPackages,
            "directory" => Self::Directory,
            "statements" => {
                let list: Vec<HexBytes> = serde_json::from_slice(&payload).map_err(corrupt)?;
                Self::Statements(list.into_iter().map(|s| s.0.into()).collect())
            }
            "sealed" => {
                let sealed: SealedWish = serde_json::from_slice(&payload).map_err(corrupt)?;
                Self::Sealed {
                    device: DeviceId(sealed.device.0),
                    kem_output: sealed.kem_output.0,
                    ciphertext: sealed.ciphertext.0,
                }
            }
            _ => return Err(Error::Corrupt("intent kind")),
        })
    }

    pub(crate) fn event_id(&self) -> Option<[u8; 16]> {
        match self {
            Self::Event { id, .. } => Some(id.0),
            _ => None,
        }
    }

    /// It goes by the structure log's head: the server takes it at no other.
    pub(crate) fn names_structure(&self) -> bool {
        matches!(
            self,
            Self::CreateChannel(_) | Self::Members(_) | Self::Renew | Self::Follow | Self::Reboot
        )
    }

    /// Nothing of the same channel is staged beside it.
    pub(crate) fn is_barrier(&self) -> bool {
        matches!(
            self,
            Self::CreateChannel(_)
                | Self::Members(_)
                | Self::Renew
                | Self::Follow
                | Self::Rejoin
                | Self::Reboot
        )
    }
}

/// A row of the intents table.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub id: i64,
    pub channel: Option<ChannelId>,
    pub wish: Wish,
    pub sent: bool,
    pub created_ms: u64,
}

/// An intent with its state and reason, for the person.
pub(crate) type Shown = (Intent, String, String);

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Intent>> {
    let kind: String = row.get(2)?;
    let wish = Wish::decode(&kind, row.get(3)?, row.get(4)?);
    let (id, channel, state, created_ms) = (
        row.get(0)?,
        row.get::<_, Option<[u8; 16]>>(1)?.map(ChannelId),
        row.get::<_, String>(5)?,
        row.get(6)?,
    );
    Ok(wish.map(|wish| Intent {
        id,
        channel,
        wish,
        sent: state == "sent",
        created_ms,
    }))
}

const COLUMNS: &str = "id, channel, kind, payload, event_id, state, created_ms";

/// Intents that are not settled or failed, oldest first, at most `limit` of a channel: one
/// that is held up hides none of another.
pub(crate) fn open(conn: &Connection, limit: usize) -> Result<Vec<Intent>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM intents WHERE id IN (SELECT id FROM
            (SELECT id, row_number() OVER (PARTITION BY channel ORDER BY id) AS place
             FROM intents WHERE state IN ('waiting', 'sent'))
            WHERE place <= ?1) ORDER BY id"
    ))?
    .query_map([limit as u64], read)?
    .map(|row| row?)
    .collect()
}

/// Intents of a channel that the log has not settled, failed ones too.
pub(crate) fn unsettled(conn: &Connection, channel: ChannelId) -> Result<Vec<Shown>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, reason FROM intents WHERE channel = ?1 AND state <> 'refused'
         ORDER BY id"
    ))?
    .query_map([channel.0], |row| {
        Ok((read(row)?, row.get(5)?, row.get(7)?))
    })?
    .map(|row| {
        let (intent, state, reason) = row?;
        Ok((intent?, state, reason))
    })
    .collect()
}

/// One intent.
pub(crate) fn load(conn: &Connection, id: i64) -> Result<Option<Intent>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM intents WHERE id = ?1"))?
        .query_row([id], read)
        .optional()?
        .transpose()
}

impl Engine {
    /// Makes a wish durable; it is carried out when it can be.
    pub(crate) fn want(&mut self, channel: Option<ChannelId>, wish: Wish) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO intents (channel, kind, payload, event_id, state, created_ms)
                 VALUES (?1, ?2, ?3, ?4, 'waiting', ?5)",
            )?
            .execute(params![
                channel.map(|c| c.0),
                wish.kind(),
                wish.encode()?,
                wish.event_id(),
                self.now_ms
            ])?;
        self.dirty = true;
        Ok(())
    }

    /// The log or the server settled it.
    pub(crate) fn settle(&mut self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM intents WHERE id = ?1")?
            .execute([intent])?;
        self.forget_sends(intent)
    }

    pub(crate) fn forget_sends(&mut self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM sends WHERE intent = ?1")?
            .execute([intent])?;
        self.link.in_flight = self.count_in_flight()?;
        self.dirty = true;
        Ok(())
    }

    /// Back to waiting: staged again as a new send. The old one stays
    /// recognisable in the log.
    pub(crate) fn restage(&mut self, intent: i64, reason: &str) -> Result<()> {
        self.supersede_sends(intent)?;
        self.db
            .prepare_cached("UPDATE intents SET state = 'waiting', reason = ?2 WHERE id = ?1")?
            .execute(params![intent, reason])?;
        Ok(())
    }

    /// Like [`Engine::restage`], but counted: after too many attempts it fails
    /// visibly instead, and between two there is a pause.
    pub(crate) fn again(&mut self, intent: i64, reason: &str) -> Result<()> {
        let attempts: u32 = self
            .db
            .prepare_cached(
                "UPDATE intents SET attempts = attempts + 1 WHERE id = ?1 RETURNING attempts",
            )?
            .query_row([intent], |row| row.get(0))?;
        if attempts >= MAX_ATTEMPTS {
            return self.give_up(intent, reason);
        }
        if attempts > 1 {
            self.hold_until_ms = self.now_ms + (PAUSE_MS << attempts);
        }
        self.restage(intent, reason)
    }

    /// What a person wanted fails visibly. What the device wanted by itself is looked at
    /// again when its ground changes, or later.
    fn give_up(&mut self, intent: i64, reason: &str) -> Result<()> {
        let given_up = load(&self.db, intent)?;
        match given_up.map(|intent| (intent.wish, intent.channel)) {
            Some((Wish::Follow, Some(channel))) => {
                self.follow_later(channel);
                self.put_aside(intent)
            }
            Some((Wish::Renew, Some(channel))) => self.renew_later(intent, channel),
            _ => self.fail(intent, reason),
        }
    }

    /// What was refused, and nobody wants any more. Its sends stay recognisable as long as
    /// one may have been accepted after all: until the epoch ends.
    pub(crate) fn put_aside(&mut self, intent: i64) -> Result<()> {
        self.supersede_sends(intent)?;
        self.db
            .prepare_cached("UPDATE intents SET state = 'refused' WHERE id = ?1")?
            .execute([intent])?;
        Ok(())
    }

    /// The epoch has ended for which they were refused.
    pub(crate) fn forget_refused(&mut self, channel: ChannelId) -> Result<()> {
        for sql in [
            "DELETE FROM sends WHERE intent IN
                (SELECT id FROM intents WHERE channel = ?1 AND state = 'refused')",
            "DELETE FROM intents WHERE channel = ?1 AND state = 'refused'",
        ] {
            self.db.prepare_cached(sql)?.execute([channel.0])?;
        }
        Ok(())
    }

    pub(crate) fn supersede_sends(&mut self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("UPDATE sends SET live = 0 WHERE intent = ?1")?
            .execute([intent])?;
        self.link.in_flight = self.count_in_flight()?;
        self.dirty = true;
        Ok(())
    }

    /// Failed for good; shown with its reason. Its sends stay recognisable: should
    /// one have been accepted after all, the log settles it.
    pub(crate) fn fail(&mut self, intent: i64, reason: &str) -> Result<()> {
        self.supersede_sends(intent)?;
        self.db
            .prepare_cached("UPDATE intents SET state = 'failed', reason = ?2 WHERE id = ?1")?
            .execute(params![intent, reason])?;
        if let Some(channel) = load(&self.db, intent)?.and_then(|i| i.channel) {
            self.events.push_back(Event::ThreadChanged(channel));
        }
        Ok(())
    }

    /// Sends of this connection that nobody has answered.
    pub(crate) fn count_in_flight(&self) -> Result<usize> {
        let mut statement = self
            .db
            .prepare_cached("SELECT counter FROM sends WHERE live = 1")?;
        let mut rows = statement.query([])?;
        let later = self.link.to_resend.as_ref();
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let counter: u64 = row.get(0)?;
            count += usize::from(later.is_none_or(|later| !later.contains(&counter)));
        }
        Ok(count)
    }
}

/// The channel's commit or reboot in flight, if there is one.
pub(crate) fn sent_commit(conn: &Connection, channel: ChannelId) -> Result<Option<i64>> {
    Ok(conn
        .prepare_cached(
            "SELECT id FROM intents WHERE channel = ?1
             AND kind IN ('members', 'renew', 'follow', 'reboot') AND state = 'sent' LIMIT 1",
        )?
        .query_row([channel.0], |row| row.get(0))
        .optional()?)
}
