//! Opening a thread: the group, its first roster and everything its first members
//! need, durable at once and without a network.

use std::collections::BTreeMap;

use openmls::prelude::tls_codec::Serialize as _;
use openmls_traits::OpenMlsProvider;
use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::{ChannelKind, PatientHeader, ThreadOpened, content::Kind};
use relais_wire::chain;
use relais_wire::ids::{ChannelId, ThreadId};
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::structure::Standing;
use relais_wire::v1::ChannelRole;
use rusqlite::params;

use super::NewMember;
use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::identity::Enrolment;
use crate::outbox::commit::RENEWAL_MS;
use crate::outbox::intent::{NewChannel, Wish};

/// A thread as it is opened.
#[derive(Debug, Clone, Default)]
pub struct NewThread {
    /// Shown in lists; never leaves the devices unencrypted.
    pub title: String,
    /// The patient, if already known.
    pub header: Option<PatientHeader>,
    /// The circle beside the person who opens it.
    pub members: Vec<NewMember>,
}

/// A thread's rosters are retold to a joiner as long as they fit beside the rest.
const ROSTERS_BYTES: usize = 96 * 1024;

impl Engine {
    /// Opens a thread with its main channel. The person becomes its manager.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for a lay person who is no coordinator,
    /// [`Error::Invalid`] naming the field, [`Error::Unknown`] member,
    /// [`Error::NotEnrolled`] before the server has let this device in: a refusal would
    /// take the thread with it.
    pub fn create_thread(&mut self, new: &NewThread) -> Result<ChannelId> {
        self.require_unfrozen()?;
        let asks = matches!(
            self.enrolment.state,
            Enrolment::Joining | Enrolment::Comparing
        );
        if asks && !self.enrolment.lapsed {
            return Err(Error::NotEnrolled);
        }
        let identity = self.identity()?;
        let me = identity.professional();
        let standing = self.structure.professional(&me).map(|p| p.standing());
        if standing.is_none_or(|s| s == Standing::Lay) {
            return Err(Error::NotAllowed(Denial::NotProfessional));
        }
        let channel = ChannelId(self.random()?);
        let thread = ThreadId(self.random()?);
        let manager = Member {
            role: ChannelRole::Manager,
            expires_at_ms: None,
        };
        let roster = sign_roster(
            channel,
            None,
            &BTreeMap::from([(me, manager)]),
            crate::CLIENT_VERSION,
            identity.device(),
            &identity.device_key(),
        );
        let checked = CheckedRoster::read(&roster).map_err(Error::mls)?;
        self.transaction(|engine| {
            let group = engine.new_group(channel, 0, &roster)?;
            let signer = engine.identity()?.signer();
            let group_info = group
                .export_group_info(engine.provider().crypto(), &signer, false)
                .map_err(Error::mls)?
                .to_bytes()
                .map_err(Error::mls)?;
            let ratchet_tree = group
                .export_ratchet_tree()
                .tls_serialize_detached()
                .map_err(Error::mls)?;
            engine.keep_group(channel, group);
            engine
                .db
                .prepare_cached(
                    "INSERT INTO channels (channel, incarnation, epoch, joined_seq, cursor_seq,
                     cursor_hash, cursor_time_ms, state, renew_at_ms, created_ms, title)
                     VALUES (?1, 0, 0, 0, 0, ?2, 0, 'creating', ?5, ?3, ?4)",
                )?
                .execute(params![
                    channel.0,
                    chain::GENESIS,
                    engine.now_ms,
                    new.title,
                    engine.now_ms + RENEWAL_MS
                ])?;
            engine.put_roster(channel, &checked, Some(1))?;
            let wish = Wish::CreateChannel(NewChannel {
                group_info,
                ratchet_tree,
            });
            engine.want(Some(channel), wish)?;
            let opened = ThreadOpened {
                thread_id: thread.to_bytes(),
                channel_kind: ChannelKind::Main.into(),
                title: new.title.clone(),
                rosters: vec![roster.encode_to_vec().into()],
            };
            engine.write_inside(channel, Kind::ThreadOpened(opened))?;
            if let Some(header) = &new.header {
                engine.write_inside(channel, Kind::PatientHeader(header.clone()))?;
            }
            if !new.members.is_empty() || engine.has_other_devices()? {
                engine.want_members(channel, &new.members, &[])?;
            }
            engine.events.push_back(Event::ThreadsChanged);
            Ok(channel)
        })
    }

    /// Says again, to somebody who just joined, what the thread is and who the
    /// patient is: their log begins after it was said first.
    pub(crate) fn retell_thread(&mut self, channel: ChannelId) -> Result<()> {
        let (thread, kind, title): (Option<Vec<u8>>, i32, String) = self
            .db
            .prepare_cached("SELECT thread, kind, title FROM channels WHERE channel = ?1")?
            .query_row([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let Some(thread) = thread else {
            return Ok(());
        };
        let opened = ThreadOpened {
            thread_id: thread.into(),
            channel_kind: kind,
            title,
            rosters: self.rosters_to_tell(channel)?,
        };
        self.write_inside(channel, Kind::ThreadOpened(opened))?;
        if let Some(header) = self.header_record(channel)? {
            self.write_inside(channel, Kind::PatientHeader(header.header))?;
        }
        Ok(())
    }

    /// The rosters that a joiner verifies back to the creation.
    pub(crate) fn rosters_to_tell(&self, channel: ChannelId) -> Result<Vec<Bytes>> {
        let mut rosters: Vec<Vec<u8>> = self
            .db
            .prepare_cached("SELECT signed FROM rosters WHERE channel = ?1 ORDER BY version")?
            .query_map([channel.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if rosters.iter().map(Vec::len).sum::<usize>() > ROSTERS_BYTES {
            // Too long to retell: the roster in force is proved by its signature alone.
            rosters = rosters.split_off(rosters.len() - 1);
        }
        Ok(rosters.into_iter().map(Into::into).collect())
    }
}
