//! What failed for good, in every thread and outside of them: a person sends it
//! again or lets go of it ([`Engine::retry`], [`Engine::discard`]).

use relais_content::v1::content::Kind;
use relais_wire::ids::{ChannelId, EventId};

use crate::engine::Engine;
use crate::error::Result;

/// An act that failed and that nobody has decided on yet.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedRecord {
    /// Number for retry and discard.
    pub number: i64,
    /// The thread it belongs to; `None` for invitations and keys.
    pub channel: Option<ChannelId>,
    /// `event`, `create`, `members`, `renew`, `statements`, `key_packages` or
    /// `sealed`.
    pub act: String,
    /// The event, when it is one, and what it says.
    pub event: Option<(EventId, Box<Kind>)>,
    /// Why it failed.
    pub reason: String,
    /// When the person did it, by this device's clock.
    pub created_ms: u64,
}

impl Engine {
    /// Everything that failed, the oldest first.
    ///
    /// # Errors
    /// Of the database.
    pub fn failed_acts(&self) -> Result<Vec<FailedRecord>> {
        type Row = (
            i64,
            Option<[u8; 16]>,
            String,
            Option<[u8; 16]>,
            Vec<u8>,
            String,
            u64,
        );
        let rows: Vec<Row> = self
            .db
            .prepare_cached(
                "SELECT id, channel, kind, event_id, payload, reason, created_ms FROM intents
                 WHERE state = 'failed' ORDER BY id",
            )?
            .query_map([], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ))
            })?
            .collect::<std::result::Result<_, _>>()?;
        let mut list = Vec::new();
        for (number, channel, act, event, payload, reason, created_ms) in rows {
            let event = match event {
                Some(id) => {
                    let content = crate::content::body_of(&payload)?.content;
                    content
                        .and_then(|c| c.kind)
                        .map(|kind| (EventId(id), Box::new(kind)))
                }
                None => None,
            };
            list.push(FailedRecord {
                number,
                channel: channel.map(ChannelId),
                act,
                event,
                reason,
                created_ms,
            });
        }
        Ok(list)
    }
}
