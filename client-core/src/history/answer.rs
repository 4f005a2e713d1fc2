//! Answering whoever misses a stretch: with what the asking person may have, never more.

use relais_content::v1::{HistoryDeclined, HistoryKind, HistoryRequest, sealed_body};
use relais_wire::ids::{ChannelId, DeviceId};
use rusqlite::params;

use super::share::Wanted;
use crate::engine::Engine;
use crate::error::Result;

/// Requests of one device for one channel that are answered in an hour.
const ANSWERS_PER_HOUR: u64 = 12;
const HOUR_MS: u64 = 3_600_000;

impl Engine {
    /// Answers a member's device with what its person may have of a stretch. Others, and
    /// whoever asks too often, get no answer.
    pub(crate) fn history_requested(
        &mut self,
        sender: DeviceId,
        request: &HistoryRequest,
    ) -> Result<()> {
        let Ok(channel) = ChannelId::try_from(&request.channel_id) else {
            return Ok(());
        };
        let Some(row) = self.channel_row(channel)? else {
            return Ok(());
        };
        let ordered = request.after_seq < request.until_seq;
        if row.state != "joined" || !ordered || !self.is_member_device(channel, sender)? {
            return Ok(());
        }
        let Some(device) = self.structure.device(&sender).cloned() else {
            return Ok(());
        };
        if !self.may_answer(channel, sender)? {
            return Ok(());
        }
        let wanted = Wanted {
            channel,
            professional: device.professional,
            device: Some(sender),
            kind: HistoryKind::Requested,
            since_ms: 0,
            promised: self.promised_to(channel, &device.professional)?,
            first_seq: request.after_seq + 1,
            last_seq: request.until_seq,
        };
        let known = request.until_seq <= row.cursor_seq;
        if known && (self.is_shared_already(&wanted)? || self.plan_share(&wanted)?) {
            return Ok(());
        }
        let declined = HistoryDeclined {
            channel_id: request.channel_id.clone(),
            after_seq: request.after_seq,
            until_seq: request.until_seq,
            promised_from: wanted.promised.from(),
        };
        let item = sealed_body::Item::HistoryDeclined(declined);
        self.seal_to(sender, &device.sealing_key, item)
    }

    /// The same stretch is on its way to that device.
    fn is_shared_already(&self, wanted: &Wanted) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM shares WHERE channel = ?1 AND professional = ?2
                 AND (device IS NULL OR device = ?3) AND first_seq >= ?4 AND last_seq = ?5
                 AND state <> 'failed')",
            )?
            .query_row(
                params![
                    wanted.channel.0,
                    wanted.professional.0,
                    wanted.device.map(|device| device.0),
                    wanted.first_seq,
                    wanted.last_seq
                ],
                |row| row.get(0),
            )?)
    }

    fn may_answer(&self, channel: ChannelId, device: DeviceId) -> Result<bool> {
        self.db
            .prepare_cached("DELETE FROM answers WHERE time_ms <= ?1")?
            .execute([self.now_ms.saturating_sub(HOUR_MS)])?;
        let answered: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM answers WHERE channel = ?1 AND device = ?2")?
            .query_row(params![channel.0, device.0], |row| row.get(0))?;
        if answered >= ANSWERS_PER_HOUR {
            return Ok(false);
        }
        self.db
            .prepare_cached("INSERT INTO answers (channel, device, time_ms) VALUES (?1, ?2, ?3)")?
            .execute(params![channel.0, device.0, self.now_ms])?;
        Ok(true)
    }
}
