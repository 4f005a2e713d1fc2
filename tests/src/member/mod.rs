//! A colleague's device in hostile hands: its real keys and groups, a connection of its
//! own, and no rule that an honest engine keeps.

mod claims;
mod garbage;
mod groups;
mod raw;

use openmls::prelude::{
    CredentialWithKey, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex, LeafNodeParameters,
    MlsGroup, MlsMessageOut, ProtocolVersion,
};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::signatures::{Signer, SignerError};
use prost::Message as _;
use prost::bytes::Bytes;
use relais_content::v1::{Content, EventBody, SignedEvent};
use relais_core::identity::WhoAmI;
use relais_core::mls::{Crypto, Provider, Refusal};
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId, StructureId};
use relais_wire::label::{self, Label, hash};
use relais_wire::mls::{capabilities, group_extensions, leaves};
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::{
    AppendCommit, AppendMessage, ClaimKeyPackages, CommitAad, LogHead, MessageAad, SignedRoster,
    answer, send,
};
use tls_codec::Deserialize as _;

use crate::world::{Who, World};
use garbage::GarbagePaths;
pub use groups::identity;
pub use raw::{Keys, Raw, Socket, stranger};

/// Where a device is: its database, its clock, its luck.
pub trait Surroundings {
    /// Its clock, milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Its randomness.
    fn crypto(&mut self) -> Crypto;
    /// Its database, while its engine is not looking.
    fn edit_database(&mut self, who: Who, edit: &mut dyn FnMut(&rusqlite::Connection));
}

impl Surroundings for World {
    fn now_ms(&self) -> u64 {
        World::now_ms(self)
    }

    fn crypto(&mut self) -> Crypto {
        Crypto::new().expect("randomness")
    }

    fn edit_database(&mut self, who: Who, edit: &mut dyn FnMut(&rusqlite::Connection)) {
        let now = World::now_ms(self);
        self.devices[who].edit_database(now, edit);
    }
}

/// See the module's head.
pub struct HostileMember<L = Socket> {
    /// Its connection.
    pub raw: Raw<L>,
    /// Its device.
    pub device: DeviceId,
    /// Its person.
    pub professional: ProfessionalId,
    structure: StructureId,
    who: Who,
}

/// What a commit does besides renewing its author's leaf.
#[derive(Default)]
pub struct Change {
    /// A roster to be put in force.
    pub roster: Option<SignedRoster>,
    /// Devices to be added.
    pub add: Vec<KeyPackage>,
    /// People whose leaves are removed.
    pub remove: Vec<ProfessionalId>,
    /// What it seals for the others opens to garbage.
    pub garbage: bool,
    /// A leaf of another identity.
    pub identity: Option<CredentialWithKey>,
}

/// What a device knows of a channel.
struct Known {
    incarnation: u32,
    cursor: LogHead,
    structure: LogHead,
    roster: SignedRoster,
}

struct DeviceKey<'a>(&'a ed25519_dalek::SigningKey);

impl Signer for DeviceKey<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> openmls::prelude::SignatureScheme {
        openmls::prelude::SignatureScheme::ED25519
    }
}

fn encoded(message: MlsMessageOut) -> Bytes {
    message.to_bytes().expect("encoded").into()
}

fn known(db: &rusqlite::Connection, channel: ChannelId) -> Known {
    let head = |sql: &str, key: &[u8]| -> LogHead {
        db.query_row(sql, [key], |row| {
            Ok(LogHead {
                seq: row.get(0)?,
                hash: row.get::<_, Vec<u8>>(1)?.into(),
            })
        })
        .expect("a head")
    };
    let signed: Vec<u8> = db
        .query_row(
            "SELECT signed FROM rosters WHERE channel = ?1 ORDER BY version DESC LIMIT 1",
            [channel.0],
            |row| row.get(0),
        )
        .expect("a roster");
    Known {
        incarnation: db
            .query_row(
                "SELECT incarnation FROM channels WHERE channel = ?1",
                [channel.0],
                |row| row.get(0),
            )
            .expect("the channel"),
        cursor: head(
            "SELECT cursor_seq, cursor_hash FROM channels WHERE channel = ?1",
            &channel.0,
        ),
        structure: head(
            "SELECT seq, hash FROM structure_log WHERE length(?1) = 0 ORDER BY seq DESC LIMIT 1",
            &[],
        ),
        roster: SignedRoster::decode(signed.as_slice()).expect("a roster"),
    }
}

fn group_id(channel: ChannelId, incarnation: u32) -> GroupId {
    GroupId::from_slice(&[channel.as_ref(), &incarnation.to_be_bytes()].concat())
}

impl HostileMember {
    /// Takes over a device.
    pub async fn of(world: &mut World, who: Who) -> Self {
        let me = world.devices[who].engine.whoami().expect("enrolled");
        let raw = Raw::connect(world, who).await;
        Self::with(raw, &me, who)
    }

    /// A key package of somebody's device, as anybody may claim one.
    pub async fn key_package(&mut self, of: DeviceId) -> KeyPackage {
        let claim = ClaimKeyPackages {
            device_ids: vec![of.to_bytes()],
        };
        let claimed = self
            .raw
            .answered(send::Operation::ClaimKeyPackages(claim))
            .await;
        let answer::Result::KeyPackages(packages) = claimed else {
            panic!("no key package: {claimed:?}");
        };
        let bytes = packages.packages[0].key_package.clone();
        let provider = Crypto::new().expect("randomness");
        KeyPackageIn::tls_deserialize_exact(bytes.as_ref())
            .expect("a key package")
            .validate(&provider, ProtocolVersion::Mls10)
            .expect("valid")
    }
}

impl<L> HostileMember<L> {
    /// A device whose connection was taken over.
    pub fn with(raw: Raw<L>, me: &WhoAmI, who: Who) -> Self {
        Self {
            raw,
            device: me.device,
            professional: me.professional,
            structure: me.structure,
            who,
        }
    }

    fn with_database<T>(
        &self,
        world: &mut impl Surroundings,
        work: impl FnOnce(&rusqlite::Connection, &Provider<'_>) -> T,
    ) -> T {
        let crypto = world.crypto();
        let refusal = Refusal::default();
        let (mut work, mut result) = (Some(work), None);
        world.edit_database(self.who, &mut |db| {
            let work = work.take().expect("once");
            result = Some(work(db, &Provider::new(&crypto, db, &refusal)));
        });
        result.expect("done")
    }

    /// The roster that it knows.
    pub fn roster(&self, world: &mut impl Surroundings, channel: ChannelId) -> CheckedRoster {
        let known = self.with_database(world, |db, _| known(db, channel).roster);
        CheckedRoster::read(&known).expect("a roster")
    }

    /// An event as it would write it.
    pub fn body(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        (id, counter): (EventId, u64),
        content: Content,
    ) -> EventBody {
        let known = self.with_database(world, |db, _| known(db, channel));
        EventBody {
            channel_id: channel.to_bytes(),
            event_id: id.to_bytes(),
            device_id: self.device.to_bytes(),
            counter,
            last_seen_seq: known.cursor.seq,
            last_seen_hash: known.cursor.hash,
            structure_seq: known.structure.seq,
            structure_hash: known.structure.hash,
            written_at_ms: world.now_ms(),
            content: Some(content),
        }
    }

    /// An event under its signature.
    pub fn sign(&self, body: &EventBody) -> Vec<u8> {
        let body = body.encode_to_vec();
        SignedEvent {
            signature: label::sign(&self.raw.key, Label::SignedEvent, &body),
            body: body.into(),
        }
        .encode_to_vec()
    }

    /// The envelope that an honest device would give to an event.
    pub fn envelope(&self, (id, counter): (EventId, u64), signed: &[u8]) -> MessageAad {
        MessageAad {
            event_id: id.to_bytes(),
            event_counter: counter,
            signed_event_hash: hash(Label::SignedEventHash, &[signed]).to_vec().into(),
            send_counter: self.raw.counter + 1,
            ..MessageAad::default()
        }
    }

    /// Encrypts anything in the channel's group.
    pub fn message(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        aad: &MessageAad,
        plaintext: &[u8],
    ) -> AppendMessage {
        self.with_database(world, |db, provider| {
            let incarnation = known(db, channel).incarnation;
            let mut group = load(provider, channel, incarnation);
            group.set_aad(aad.encode_to_vec());
            let epoch = group.epoch().as_u64();
            let message = group
                .create_message(provider, &DeviceKey(&self.raw.key), plaintext)
                .expect("encrypted");
            AppendMessage {
                channel_id: channel.to_bytes(),
                incarnation,
                epoch,
                message: encoded(message),
            }
        })
    }

    /// A proposal by itself. Nothing of it is kept.
    pub fn proposal(&self, world: &mut impl Surroundings, channel: ChannelId) -> AppendMessage {
        self.with_database(world, |db, provider| {
            let incarnation = known(db, channel).incarnation;
            let mut group = load(provider, channel, incarnation);
            let epoch = group.epoch().as_u64();
            // Whatever its engine was about.
            let storage = provider.storage();
            group.clear_pending_commit(storage).expect("forgotten");
            let (proposal, _) = group
                .propose_self_update(
                    provider,
                    &DeviceKey(&self.raw.key),
                    LeafNodeParameters::default(),
                )
                .expect("proposed");
            group
                .clear_pending_proposals(provider.storage())
                .expect("forgotten");
            AppendMessage {
                channel_id: channel.to_bytes(),
                incarnation,
                epoch,
                message: encoded(proposal),
            }
        })
    }

    /// A commit of anything. Nothing of it is kept: each is the first of its epoch.
    pub fn commit(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        change: Change,
    ) -> AppendCommit {
        self.with_database(world, |db, provider| {
            let known = known(db, channel);
            let mut group = load(provider, channel, known.incarnation);
            let epoch = group.epoch().as_u64();
            let aad = CommitAad {
                structure_head: Some(known.structure),
                send_counter: self.raw.counter + 1,
            };
            group.set_aad(aad.encode_to_vec());
            let gone = leaves(group.public_group()).expect("leaves");
            let gone: Vec<LeafNodeIndex> = gone
                .iter()
                .filter(|leaf| change.remove.contains(&leaf.professional))
                .filter_map(|leaf| leaf.index.map(LeafNodeIndex::new))
                .collect();
            let mut leaf =
                LeafNodeParameters::builder().with_capabilities(capabilities(group.ciphersuite()));
            if let Some(identity) = change.identity {
                leaf = leaf.with_credential_with_key(identity);
            }
            let mut builder = group
                .commit_builder()
                .consume_proposal_store(false)
                .propose_adds(change.add)
                .propose_removals(gone)
                .force_self_update(true)
                .leaf_node_parameters(leaf.build());
            if let Some(roster) = &change.roster {
                builder = builder
                    .propose_group_context_extensions(group_extensions(roster))
                    .expect("extensions");
            }
            let builder = builder
                .load_psks(provider.storage())
                .expect("none")
                .create_group_info(true)
                .use_ratchet_tree_extension(false);
            let key = DeviceKey(&self.raw.key);
            let built = match change.garbage {
                true => {
                    let garbage = GarbagePaths(provider.crypto());
                    builder.build(provider.rand(), &garbage, &key, |_| true)
                }
                false => builder.build(provider.rand(), provider.crypto(), &key, |_| true),
            };
            let staged = built
                .expect("built")
                .stage_commit(provider)
                .expect("staged");
            let (commit, welcome, group_info) = staged.into_messages();
            let operation = AppendCommit {
                channel_id: channel.to_bytes(),
                incarnation: known.incarnation,
                epoch,
                commit: encoded(commit),
                welcome: welcome.map(encoded).unwrap_or_default(),
                group_info: group_info.map(encoded).unwrap_or_default(),
            };
            group
                .clear_pending_commit(provider.storage())
                .expect("forgotten");
            operation
        })
    }

    /// What it knows of the structure log.
    pub fn structure_head(&self, world: &mut impl Surroundings, channel: ChannelId) -> LogHead {
        self.with_database(world, |db, _| known(db, channel).structure)
    }
}

fn load(provider: &Provider<'_>, channel: ChannelId, incarnation: u32) -> MlsGroup {
    MlsGroup::load(provider.storage(), &group_id(channel, incarnation))
        .expect("stored")
        .expect("a group")
}
