//! Commits: changing who is in a channel, and renewing one's own leaf. A staged
//! commit stays pending until a log entry of its epoch or a final refusal
//! (architecture D3).

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    KeyPackage, KeyPackageIn, LeafNodeIndex, MlsGroup, MlsMessageOut, ProtocolVersion,
};
use openmls_traits::OpenMlsProvider;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::mls::{group_extensions, leaves, read_key_package};
use relais_wire::roster::{CheckedRoster, Member, check_leaf, sign_roster};
use relais_wire::v1::{AppendCommit, ClaimKeyPackages, CommitAad, SignedRoster, send};
use rusqlite::params;

use super::intent::{Intent, MemberWish, MembersChange, Wish};
use super::stage::Staged;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// A leaf's keys are renewed so often.
pub(crate) const RENEWAL_MS: u64 = 30 * 24 * 3_600_000;
/// Claims of a change, should devices be added while it waits.
const CLAIMS: u32 = 4;
/// A joiner renews within this time of being online.
const FIRST_RENEWAL_MS: u64 = 10_000;
/// After a renewal that was refused.
const REFUSED_MS: u64 = 3_600_000;

impl Engine {
    pub(super) fn stage_members(
        &mut self,
        intent: &Intent,
        channel: ChannelId,
        change: &MembersChange,
        counter: u64,
    ) -> Result<Option<Staged>> {
        let group = self.take_group(channel)?;
        let before = leaves(group.public_group()).map_err(Error::mls)?;
        let prior = self.roster(channel)?;
        let me = self.identity()?.professional();
        let members = change.applied_to(&prior.members);
        if let Some(why) = self.may_not_become(&prior, &members)? {
            self.keep_group(channel, group);
            self.fail(intent.id, &why.to_string())?;
            return Ok(None);
        }
        let present: BTreeSet<DeviceId> = before.iter().map(|leaf| leaf.device).collect();
        let head = self.structure.head().seq;
        let wanted: Vec<DeviceId> = self
            .structure
            .devices()
            .filter(|(id, device)| {
                // One's own other devices too: nobody else adds those of who opens a thread.
                let added = |m: &MemberWish| m.professional() == device.professional;
                (device.professional == me || change.add.iter().any(added))
                    && self.structure.valid_device(id, head, self.now_ms).is_some()
                    && !present.contains(id)
                    && !change.claimed.iter().any(|(asked, _)| asked.0 == id.0)
            })
            .map(|(id, _)| *id)
            .collect();
        if change.claims < CLAIMS && !wanted.is_empty() {
            self.keep_group(channel, group);
            return Ok(Some(Staged {
                operation: send::Operation::ClaimKeyPackages(ClaimKeyPackages {
                    device_ids: wanted.iter().map(|id| id.to_bytes()).collect(),
                }),
                epoch: None,
                payload: Default::default(),
            }));
        }
        let now = self.log_now();
        if change
            .add
            .iter()
            .any(|wish| wish.expires_at_ms.is_some_and(|end| end <= now))
        {
            self.keep_group(channel, group);
            self.fail(intent.id, "the membership would have ended already")?;
            return Ok(None);
        }
        let packages = self.usable_key_packages(change, &present);
        let reached: BTreeSet<ProfessionalId> = before
            .iter()
            .map(|leaf| leaf.professional)
            .chain(packages.iter().map(|(professional, _)| *professional))
            .collect();
        if let Some(lost) = change
            .add
            .iter()
            .find(|m| !reached.contains(&m.professional()))
        {
            let name = self.name(&lost.professional());
            let why = format!("{name} has no device that can be added");
            self.keep_group(channel, group);
            // Of somebody who has just joined: their device is about to publish some.
            if change
                .claimed
                .iter()
                .any(|(_, package)| package.0.is_empty())
            {
                let mut change = change.clone();
                change.claimed.retain(|(_, package)| !package.0.is_empty());
                change.claims = 0;
                self.rewrite(intent.id, &Wish::Members(change))?;
                self.again(intent.id, &why)?;
            } else {
                self.fail(intent.id, &why)?;
            }
            return Ok(None);
        }
        let removed: Vec<LeafNodeIndex> = before
            .iter()
            .filter(|leaf| !members.contains_key(&leaf.professional))
            .filter_map(|leaf| leaf.index.map(LeafNodeIndex::new))
            .collect();
        if members == prior.members && packages.is_empty() && removed.is_empty() {
            self.keep_group(channel, group);
            self.settle(intent.id)?;
            return Ok(None);
        }
        let roster = self.next_roster(channel, &prior, &members)?;
        if let Err(broken) = CheckedRoster::read(&roster) {
            self.keep_group(channel, group);
            self.fail(intent.id, &broken.to_string())?;
            return Ok(None);
        }
        let packages = packages.into_iter().map(|(_, package)| package).collect();
        self.stage_commit(channel, group, counter, packages, removed, Some(roster))
            .map(Some)
    }

    pub(crate) fn stage_renewal(&mut self, channel: ChannelId, counter: u64) -> Result<Staged> {
        let group = self.take_group(channel)?;
        self.stage_commit(channel, group, counter, Vec::new(), Vec::new(), None)
    }

    /// Wants to renew this device's leaf where it is due: soon after joining, so
    /// that the key package's keys serve no longer, then monthly (architecture D12). A
    /// time further off was set by a clock that was ahead.
    pub(super) fn want_renewals(&mut self) -> Result<()> {
        let due: Vec<[u8; 16]> = self
            .db
            .prepare_cached(
                "UPDATE channels SET renew_at_ms = ?1 + ?2 WHERE state = 'joined'
                 AND renew_at_ms > 0 AND renew_at_ms NOT BETWEEN ?1 + 1 AND ?1 + ?2
                 RETURNING channel",
            )?
            .query_map(params![self.now_ms, RENEWAL_MS], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for channel in due {
            self.want(Some(ChannelId(channel)), Wish::Renew)?;
        }
        self.link.renew_at_ms = self
            .db
            .prepare_cached(
                "SELECT min(renew_at_ms) FROM channels WHERE state = 'joined' AND renew_at_ms > 0",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(())
    }

    /// A renewal that is refused is nothing that a person has to know of: once more in an
    /// hour.
    pub(super) fn renew_later(&mut self, intent: i64, channel: ChannelId) -> Result<()> {
        self.put_aside(intent)?;
        self.db
            .prepare_cached("UPDATE channels SET renew_at_ms = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, self.now_ms + REFUSED_MS])?;
        Ok(())
    }

    /// Joiners of one commit do not all renew at once.
    pub(crate) fn renewal_delay(&self) -> Result<u64> {
        Ok(u64::from(u16::from_be_bytes(self.random()?)) % FIRST_RENEWAL_MS + 1)
    }

    pub(super) fn next_roster(
        &self,
        channel: ChannelId,
        prior: &CheckedRoster,
        members: &BTreeMap<ProfessionalId, Member>,
    ) -> Result<SignedRoster> {
        let identity = self.identity()?;
        Ok(sign_roster(
            channel,
            Some(prior),
            members,
            prior.minimum_client_version,
            identity.device(),
            &identity.device_key(),
        ))
    }

    /// Of the claimed key packages those that are what they should be: valid, of
    /// the device that was asked for, with a chain that holds.
    fn usable_key_packages(
        &self,
        change: &MembersChange,
        present: &BTreeSet<DeviceId>,
    ) -> Vec<(ProfessionalId, KeyPackage)> {
        let head = self.structure.head().seq;
        let read = |device: DeviceId, bytes: &[u8]| {
            let package = KeyPackageIn::tls_deserialize_exact(bytes)
                .ok()?
                .validate(self.provider().crypto(), ProtocolVersion::Mls10)
                .ok()?;
            let leaf = read_key_package(&package).ok()?;
            check_leaf(&leaf, &self.structure, head, self.now_ms).ok()?;
            let suite = u16::from(package.ciphersuite()) == self.structure.ciphersuite();
            (suite && leaf.device == device && !present.contains(&device))
                .then_some((leaf.professional, package))
        };
        let claimed = change.claimed.iter();
        claimed
            .filter_map(|(device, bytes)| read(DeviceId(device.0), &bytes.0))
            .collect()
    }

    pub(super) fn stage_commit(
        &mut self,
        channel: ChannelId,
        mut group: MlsGroup,
        counter: u64,
        add: Vec<KeyPackage>,
        remove: Vec<LeafNodeIndex>,
        roster: Option<SignedRoster>,
    ) -> Result<Staged> {
        let identity = self.identity()?;
        let signer = identity.signer();
        let aad = CommitAad {
            structure_head: Some(self.structure.head()),
            send_counter: counter,
        };
        group.set_aad(aad.encode_to_vec());
        let epoch = group.epoch().as_u64();
        let provider = self.provider();
        let mut builder = group
            .commit_builder()
            .consume_proposal_store(false)
            .propose_adds(add)
            .propose_removals(remove)
            .force_self_update(true);
        if let Some(roster) = &roster {
            builder = builder
                .propose_group_context_extensions(group_extensions(roster))
                .map_err(Error::mls)?;
        }
        let (commit, welcome, group_info) = builder
            .load_psks(provider.storage())
            .map_err(Error::mls)?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), &signer, |_| true)
            .map_err(Error::mls)?
            .stage_commit(&provider)
            .map_err(Error::mls)?
            .into_messages();
        let bytes = |message: MlsMessageOut| message.to_bytes().map_err(Error::mls);
        let commit: prost::bytes::Bytes = bytes(commit)?.into();
        let operation = send::Operation::AppendCommit(AppendCommit {
            channel_id: channel.to_bytes(),
            incarnation: self.incarnation(channel)?,
            epoch,
            commit: commit.clone(),
            welcome: welcome.map(bytes).transpose()?.unwrap_or_default().into(),
            group_info: group_info
                .map(bytes)
                .transpose()?
                .unwrap_or_default()
                .into(),
        });
        self.keep_group(channel, group);
        Ok(Staged {
            operation,
            epoch: Some(epoch),
            payload: commit,
        })
    }

    /// Drops this device's pending commit, if there is one.
    pub(crate) fn clear_pending_commit(&mut self, channel: ChannelId) -> Result<()> {
        let mut group = match self.take_group(channel) {
            // Found out, and come back from, when something is sent or read.
            Err(Error::Corrupt("group")) => return Ok(()),
            group => group?,
        };
        if group.pending_commit().is_some() {
            group
                .clear_pending_commit(self.provider().storage())
                .map_err(Error::mls)?;
        }
        self.keep_group(channel, group);
        Ok(())
    }

    /// After this device's own commit of a membership change: joiners get what
    /// they cannot read in the past — the thread, the header, the notes.
    pub(crate) fn welcome_joiners(&mut self, channel: ChannelId, wish: &Wish) -> Result<()> {
        let Wish::Members(change) = wish else {
            return Ok(());
        };
        if change.add.is_empty() {
            return Ok(());
        }
        let me = self.identity()?.professional();
        let may_write =
            self.roster(channel)?
                .may(&me, relais_wire::roster::Operation::Write, self.now_ms);
        if may_write.is_err() {
            return Ok(()); // The membership ended meanwhile: others tell on request.
        }
        self.retell_thread(channel)?;
        // The entry at hand, with which they join, follows the cursor.
        let joined = self
            .channel_row(channel)?
            .map_or(0, |row| row.cursor_seq + 1);
        for member in &change.add {
            if !member.note.0.is_empty() {
                let note = self.write_encoded_note(channel, &member.note.0)?;
                self.share_promised(channel, &note, joined)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use relais_wire::v1::ChannelRole;
    use rusqlite::Connection;

    use super::*;
    use crate::outbox::intent::{self, HexBytes, HexId};
    use crate::testing::{BEGUN, CHANNEL, alone_in_channel, colleague, put, read};

    #[test]
    fn joiners_of_one_commit_renew_within_ten_seconds_and_not_at_once() {
        let db = Connection::open_in_memory().expect("database");
        let engine = Engine::open(db, 1).expect("engine");
        let delays = (0..100_000).map(|_| engine.renewal_delay().expect("a delay"));
        let delays: BTreeSet<u64> = delays.collect();
        assert!(delays.iter().all(|ms| (1..=FIRST_RENEWAL_MS).contains(ms)));
        assert!(delays.len() > 9_000, "{}", delays.len());
    }

    #[test]
    fn a_leaf_is_renewed_when_it_is_due_then_monthly_and_an_hour_after_a_refusal() {
        const DAY: u64 = 86_400_000;
        let planned = "SELECT renew_at_ms FROM channels";
        let wanted = "SELECT count(*) FROM intents WHERE kind = 'renew'";
        // When it is to be renewed, and whether that is done now.
        for (from_now, due) in [
            (0, true),
            (1, false),
            (30 * DAY as i64, false),
            (30 * DAY as i64 + 1, true), // Set by a clock that was ahead.
            (-5, true),
        ] {
            let db = Connection::open_in_memory().expect("database");
            let mut engine = Engine::open(db, BEGUN).expect("engine");
            put(&engine, CHANNEL, "joined", 3, 9);
            let at = BEGUN.saturating_add_signed(from_now);
            let set = "UPDATE channels SET renew_at_ms = ?1";
            engine.db.execute(set, [at]).expect("planned");
            engine.want_renewals().expect("looked at");
            assert_eq!(read::<bool>(&engine, wanted), due, "{from_now}");
            let next = if due { BEGUN + 30 * DAY } else { at };
            assert_eq!(read::<u64>(&engine, planned), next, "{from_now}");
            assert_eq!(engine.link.renew_at_ms, Some(next), "{from_now}");
            if due {
                let intent = read(&engine, "SELECT id FROM intents");
                engine.renew_later(intent, CHANNEL).expect("refused");
                assert_eq!(read::<u64>(&engine, planned), BEGUN + 3_600_000);
            }
        }
    }

    fn adding(person: ProfessionalId, claimed: Vec<(DeviceId, Vec<u8>)>) -> MembersChange {
        MembersChange {
            add: vec![MemberWish {
                professional: HexId(person.0),
                role: ChannelRole::Contributor.into(),
                expires_at_ms: None,
                note: HexBytes(Vec::new()),
            }],
            remove: Vec::new(),
            claimed: claimed
                .into_iter()
                .map(|(device, bytes)| (HexId(device.0), HexBytes(bytes)))
                .collect(),
            claims: 0,
        }
    }

    #[test]
    fn key_packages_of_a_joiner_are_claimed_four_times_and_no_more() {
        let mut engine = alone_in_channel();
        let joiner = colleague(&mut engine, BEGUN);
        let (person, device) = {
            let identity = joiner.identity().expect("identity");
            (identity.professional(), identity.device())
        };
        for claims in 0..=5 {
            let change = MembersChange {
                claims,
                ..adding(person, Vec::new())
            };
            let wish = Wish::Members(change.clone());
            engine.want(Some(CHANNEL), wish).expect("wanted");
            let id = read(&engine, "SELECT max(id) FROM intents");
            let intent = intent::load(&engine.db, id).expect("read").expect("it");
            let staged = engine.stage_members(&intent, CHANNEL, &change, 1);
            match staged.expect("staged").map(|staged| staged.operation) {
                Some(send::Operation::ClaimKeyPackages(claim)) => {
                    assert_eq!(claim.device_ids, [device.to_bytes()]);
                    assert!(claims < 4, "{claims}");
                }
                None => {
                    assert!(claims >= 4, "{claims}");
                    let why = format!("SELECT reason FROM intents WHERE id = {id}");
                    let why: String = read(&engine, &why);
                    assert!(why.ends_with("no device that can be added"), "{why}");
                }
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn somebody_whose_device_has_published_nothing_yet_is_asked_for_again_and_not_for_ever() {
        let mut engine = alone_in_channel();
        let joiner = colleague(&mut engine, BEGUN);
        let (person, device) = {
            let identity = joiner.identity().expect("identity");
            (identity.professional(), identity.device())
        };
        let wish = Wish::Members(adding(person, Vec::new()));
        engine.want(Some(CHANNEL), wish).expect("wanted");
        let id = read(&engine, "SELECT max(id) FROM intents");
        let mut asked = 0;
        loop {
            let intent = intent::load(&engine.db, id).expect("read").expect("it");
            let Wish::Members(mut change) = intent.wish.clone() else {
                panic!("{:?}", intent.wish)
            };
            let staged = engine.stage_members(&intent, CHANNEL, &change, 1);
            let state = format!("SELECT state FROM intents WHERE id = {id}");
            let state: String = read(&engine, &state);
            match staged.expect("staged").map(|staged| staged.operation) {
                Some(send::Operation::ClaimKeyPackages(_)) => {
                    asked += 1;
                    change.claimed = vec![(HexId(device.0), HexBytes(Vec::new()))];
                    change.claims += 1;
                    let answered = engine.rewrite(id, &Wish::Members(change));
                    answered.expect("answered");
                }
                None if state == "failed" => break,
                None => assert_eq!(state, "waiting"),
                Some(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(asked, intent::MAX_ATTEMPTS);
        assert!(engine.hold_until_ms > engine.now_ms, "with pauses");
    }

    #[test]
    fn a_key_package_is_used_only_for_the_device_that_was_asked_for_and_is_not_there() {
        let mut engine = alone_in_channel();
        let mut joiner = colleague(&mut engine, BEGUN);
        let (person, device) = {
            let identity = joiner.identity().expect("identity");
            (identity.professional(), identity.device())
        };
        let published = joiner.new_key_packages(1).expect("made").last_resort;
        let own = engine.new_key_packages(1).expect("made").last_resort;
        let me = engine.identity().expect("identity").device();
        let used = |device: DeviceId, package: &[u8], present: &[DeviceId]| {
            let change = adding(person, vec![(device, package.to_vec())]);
            let present = present.iter().copied().collect();
            let used = engine.usable_key_packages(&change, &present).into_iter();
            used.map(|(person, _)| person).collect::<Vec<_>>()
        };
        assert_eq!(used(device, &published, &[me]), [person]);
        assert_eq!(used(device, &own, &[me]), []);
        assert_eq!(used(DeviceId([9; 16]), &published, &[me]), []);
        assert_eq!(used(device, &published, &[me, device]), []);
        assert_eq!(used(device, &published[1..], &[me]), []);
        assert_eq!(used(device, &[], &[me]), []);
    }
}
