//! What a hostile member says of things that others cannot see for themselves.

use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::{HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType};
use prost::Message as _;
use prost::bytes::Bytes;
use relais_content::v1::{
    ChannelKind, Content, EventBody, Recovered, Sealed, SealedBody, ThreadOpened, content::Kind,
    sealed_body,
};
use relais_core::mls::Crypto;
use relais_wire::ids::{ChannelId, DeviceId, EventId};
use relais_wire::label::{self, Label};
use relais_wire::roster::{Member, sign_roster};
use relais_wire::v1::{ChannelRole, SendToDevice};

use super::{HostileMember, Surroundings};

impl<L> HostileMember<L> {
    /// An item for a device's inbox, sealed and signed as it should be.
    pub fn sealed(
        &self,
        receiver: DeviceId,
        sealing_key: &[u8],
        item: sealed_body::Item,
    ) -> SendToDevice {
        let body = SealedBody {
            sender_device: self.device.to_bytes(),
            receiver_device: receiver.to_bytes(),
            item: Some(item),
        }
        .encode_to_vec();
        let sealed = Sealed {
            signature: label::sign(&self.raw.key, Label::Sealed, &body),
            body: body.into(),
        };
        let hpke = HpkeConfig(
            HpkeKemType::XWingKemDraft6,
            HpkeKdfType::HkdfSha256,
            HpkeAeadType::ChaCha20Poly1305,
        );
        let info = Label::Sealed.text().as_bytes();
        let crypto = Crypto::new().expect("randomness");
        let text = sealed.encode_to_vec();
        let ciphertext = crypto
            .hpke_seal(hpke, sealing_key, info, receiver.as_ref(), &text)
            .expect("sealed");
        SendToDevice {
            device_id: receiver.to_bytes(),
            kem_output: ciphertext.kem_output.as_slice().to_vec().into(),
            ciphertext: ciphertext.ciphertext.as_slice().to_vec().into(),
        }
    }

    /// An event of a device that no statement names, and of a structure log that nobody has.
    pub fn of_tomorrow(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        place: (EventId, u64),
    ) -> EventBody {
        let mut inner = self.body(world, channel, place, Content::default());
        inner.event_id = vec![0xE7; 16].into();
        inner.device_id = vec![0xD7; 16].into();
        let again = Recovered {
            signed_event: self.sign(&inner).into(),
        };
        let content = Content {
            kind: Some(Kind::Recovered(again)),
        };
        let mut body = self.body(world, channel, place, content);
        body.structure_seq += 1_000;
        body
    }

    /// An opening that tells of a roster which nobody has put in force: its author manages.
    pub fn roster_of_tomorrow(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        title: &str,
    ) -> Content {
        let prior = self.roster(world, channel);
        let mut members = prior.members.clone();
        let manager = Member {
            role: ChannelRole::Manager,
            expires_at_ms: None,
        };
        members.insert(self.professional, manager);
        let version = prior.minimum_client_version;
        let forged = sign_roster(
            channel,
            Some(&prior),
            &members,
            version,
            self.device,
            &self.raw.key,
        );
        let mut rosters = self.with_database(world, |db, _| known_rosters(db, channel));
        rosters.push(forged.encode_to_vec().into());
        let opened = ThreadOpened {
            thread_id: vec![0x7E; 16].into(),
            channel_kind: ChannelKind::Main.into(),
            title: title.into(),
            rosters,
        };
        Content {
            kind: Some(Kind::ThreadOpened(opened)),
        }
    }
}

fn known_rosters(db: &rusqlite::Connection, channel: ChannelId) -> Vec<Bytes> {
    let sql = "SELECT signed FROM rosters WHERE channel = ?1 ORDER BY version";
    let mut statement = db.prepare(sql).expect("rosters");
    let rows = statement.query_map([channel.0], |row| row.get::<_, Vec<u8>>(0));
    let rows = rows.expect("rosters").map(|row| row.expect("a roster"));
    rows.map(Bytes::from).collect()
}
