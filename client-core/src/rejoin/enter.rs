//! The group that the server shows: checked against everything this device knows,
//! then entered by an external commit. OpenMLS stores the group as if the commit had
//! been accepted; until the server says so it is provisional, and a refusal deletes
//! it.

use openmls::group::CommitMessageBundle;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, RatchetTreeIn,
};
use openmls_traits::OpenMlsProvider;
use prost::Message;
use prost::bytes::Bytes;
use relais_wire::ids::ChannelId;
use relais_wire::limits;
use relais_wire::mls::{capabilities, leaves, roster_of};
use relais_wire::roster::{CheckedRoster, Operation, identify_leaf};
use relais_wire::v1::{AppendCommit, CommitAad, GroupState, send};
use rusqlite::params;

use crate::db::meta::{self, keys};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inbox::Fault;
use crate::mls::group::{group_id, join_config};
use crate::outbox::intent::Wish;
use crate::outbox::stage::Staged;

fn bad(what: &str) -> impl Fn(&dyn std::fmt::Display) -> Fault {
    move |error| Fault::Park(format!("{what}: {error}"))
}

impl Engine {
    /// Stages the return into the group that the server shows.
    pub(super) fn enter(&mut self, channel: ChannelId, state: &GroupState) -> Result<()> {
        let may_send = self.link.structure_caught_up
            && self.link.to_resend.is_some()
            && self.link.in_flight < limits::IN_FLIGHT
            && self.now_ms >= self.hold_until_ms;
        let Some(intent) = self.comeback(channel)?.filter(|_| may_send) else {
            return self.rejoin_later(channel);
        };
        let counter = meta::get_u64(&self.db, keys::SEND_COUNTER)? + 1;
        self.db.execute_batch("SAVEPOINT comeback")?;
        let staged = match intent.wish {
            Wish::Reboot => self.begin_anew(channel, state),
            _ => self.external_commit(channel, state, counter),
        };
        match staged.map_err(|fault| self.blame(fault)) {
            Ok(staged) => {
                self.db.execute_batch("RELEASE comeback")?;
                self.db
                    .prepare_cached(
                        "UPDATE rejoins SET incarnation = ?2, epoch = ?3 WHERE channel = ?1",
                    )?
                    .execute(params![channel.0, state.incarnation, state.epoch])?;
                self.send(&intent, counter, staged)
            }
            // The whole transaction goes back; SQLite may have begun that by itself.
            Err(Fault::Engine(error)) => Err(error),
            Err(fault) => {
                self.db
                    .execute_batch("ROLLBACK TO comeback; RELEASE comeback")?;
                match fault {
                    // Invariant: returned above.
                    Fault::Engine(error) => Err(error),
                    Fault::Waits(_) => self.rejoin_later(channel),
                    Fault::Park(reason)
                    | Fault::Unreadable(reason)
                    | Fault::Stop(reason)
                    | Fault::Lost(reason) => self.rejoin_failed(channel, &reason),
                    Fault::Clone => self.freeze(),
                }
            }
        }
    }

    pub(crate) fn external_commit(
        &mut self,
        channel: ChannelId,
        state: &GroupState,
        counter: u64,
    ) -> Result<Staged, Fault> {
        let (info, roster) = self.check_group(channel, state)?;
        let me = self.identity()?.professional();
        roster
            .may(&me, Operation::Rejoin, state.head_time_ms)
            .map_err(|broken| Fault::Park(broken.to_string()))?;
        let tree = RatchetTreeIn::tls_deserialize_exact(state.ratchet_tree.as_ref())
            .map_err(|e| bad("tree")(&e))?;
        let head = self.structure.head();
        let aad = CommitAad {
            structure_head: Some(head),
            send_counter: counter,
        };
        // Whatever of this group is here cannot go on.
        self.forget_group(channel, state.incarnation)?;
        let (group, bundle) = self.come_in(info, tree, aad.encode_to_vec())?;
        if group.epoch().as_u64() != state.epoch + 1 {
            return Err(Fault::Park("the group is of another epoch".into()));
        }
        for leaf in leaves(group.public_group()).map_err(|e| bad("leaf")(&e))? {
            if self.structure.device(&leaf.device).is_none() {
                return Err(Fault::Waits(None)); // Its statement is on the way.
            }
            identify_leaf(&leaf, &self.structure).map_err(|e| bad("leaf")(&e))?;
            if !roster.members.contains_key(&leaf.professional) {
                return Err(Fault::Park("a device outside the roster".into()));
            }
        }
        self.put_roster(channel, &roster, None)?;
        let (commit, _, group_info) = bundle.into_messages();
        let bytes = |message: MlsMessageOut| message.to_bytes().map_err(Error::mls);
        let commit: Bytes = bytes(commit)?.into();
        let group_info = group_info.map(bytes).transpose()?;
        Ok(Staged {
            operation: send::Operation::AppendCommit(AppendCommit {
                channel_id: channel.to_bytes(),
                incarnation: state.incarnation,
                epoch: state.epoch,
                commit: commit.clone(),
                welcome: Bytes::new(),
                group_info: group_info.unwrap_or_default().into(),
            }),
            epoch: Some(state.epoch),
            payload: commit,
        })
    }

    fn come_in(
        &self,
        info: VerifiableGroupInfo,
        tree: RatchetTreeIn,
        aad: Vec<u8>,
    ) -> Result<(MlsGroup, CommitMessageBundle), Fault> {
        let unusable = bad("the group cannot be entered");
        let provider = self.provider();
        let identity = self.identity()?;
        let leaf = LeafNodeParameters::builder()
            .with_capabilities(capabilities(info.ciphersuite()))
            .build();
        MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(join_config())
            .with_aad(aad)
            .build_group(&provider, info, self.credential_with_key()?)
            .map_err(|e| unusable(&e))?
            .leaf_node_parameters(leaf)
            .load_psks(provider.storage())
            .map_err(|e| unusable(&e))?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(
                provider.rand(),
                provider.crypto(),
                &identity.signer(),
                |_| true,
            )
            .map_err(|e| unusable(&e))?
            .finalize(&provider)
            .map_err(|e| unusable(&e))
    }

    /// Everything about the server's GroupInfo that can be known before it is used:
    /// it is of this channel, not older than what was seen here, and its roster is
    /// signed by a device of the structure (architecture D11).
    pub(super) fn check_group(
        &mut self,
        channel: ChannelId,
        state: &GroupState,
    ) -> Result<(VerifiableGroupInfo, CheckedRoster), Fault> {
        let (info, roster) = self.read_group_info(&state.group_info)?;
        let context = info.group_context();
        let meant = *context.group_id() == group_id(channel, state.incarnation)
            && context.epoch().as_u64() == state.epoch
            && u16::from(info.ciphersuite()) == self.structure.ciphersuite()
            && roster.channel == channel;
        if !meant {
            return Err(Fault::Park("the server showed another group".into()));
        }
        let row = self.channel_row(channel)?;
        if row.is_some_and(|row| (row.incarnation, row.epoch) > (state.incarnation, state.epoch)) {
            return Err(Fault::Park("the server showed a group that is over".into()));
        }
        if let Ok(known) = self.roster(channel) {
            let older = roster.version < known.version;
            let other = roster.version == known.version && roster.hash != known.hash;
            if older || other {
                return Err(Fault::Park("a roster older than one known here".into()));
            }
        }
        if self.structure.device(&roster.device).is_none() {
            return Err(Fault::Waits(None));
        }
        roster
            .verify_signature(&self.structure)
            .map_err(|e| bad("roster")(&e))?;
        self.require_version(&roster)?;
        Ok((info, roster))
    }

    /// Reads an encoded GroupInfo without a tree, and the roster in it.
    pub(crate) fn read_group_info(
        &self,
        bytes: &[u8],
    ) -> Result<(VerifiableGroupInfo, CheckedRoster), Fault> {
        let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|e| bad("group")(&e))?;
        let canonical = message
            .tls_serialize_detached()
            .map_err(|e| bad("group")(&e))?;
        let MlsMessageBodyIn::GroupInfo(info) = message.extract() else {
            return Err(Fault::Park("not a group info".into()));
        };
        if canonical != bytes || info.extensions().ratchet_tree().is_some() {
            return Err(Fault::Park("a group info of another form".into()));
        }
        let signed = roster_of(info.group_context().extensions()).map_err(|e| bad("roster")(&e))?;
        let roster = CheckedRoster::read(&signed).map_err(|e| bad("roster")(&e))?;
        Ok((info, roster))
    }

    /// Deletes the group that was stored for a commit or reboot that is void.
    pub(super) fn forget_staged(&mut self, channel: ChannelId) -> Result<()> {
        let incarnation: u32 = self
            .db
            .prepare_cached("SELECT incarnation FROM rejoins WHERE channel = ?1")?
            .query_row([channel.0], |row| row.get(0))?;
        // An external commit's is of that incarnation, a reboot's of the next.
        self.forget_group(channel, incarnation)?;
        self.forget_group(channel, incarnation.saturating_add(1))
    }
}
