//! What the log has ended for good: a log that takes another one's place on a device
//! must have ended it too (architecture D6, requirement I5).

use std::collections::BTreeSet;

use super::{PublicKey, Structure};
use crate::ids::DeviceId;

/// Something that stood once, and does not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// A device was revoked.
    Device(DeviceId),
    /// A professional's key was revoked or replaced.
    Key(PublicKey),
    /// A coordinator's key lost that standing.
    Coordinator(PublicKey),
    /// An invitation was withdrawn, or void, before anybody used it.
    Invitation(PublicKey),
    /// A root was replaced.
    Root(PublicKey),
}

impl Ended {
    /// For a device's database.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, id): (u8, &[u8]) = match self {
            Self::Device(id) => (1, id.as_ref()),
            Self::Key(key) => (2, key),
            Self::Coordinator(key) => (3, key),
            Self::Invitation(key) => (4, key),
            Self::Root(key) => (5, key),
        };
        [&[kind], id].concat()
    }

    /// Reads [`Ended::to_bytes`].
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        let key = || id.try_into().ok();
        match kind {
            1 => DeviceId::try_from(id).ok().map(Self::Device),
            2 => key().map(Self::Key),
            3 => key().map(Self::Coordinator),
            4 => key().map(Self::Invitation),
            5 => key().map(Self::Root),
            _ => None,
        }
    }
}

impl Structure {
    /// Everything that this log has ended.
    pub fn ended(&self) -> BTreeSet<Ended> {
        let mut ended = BTreeSet::new();
        for (id, device) in &self.devices {
            if device.revoked_seq.is_some() {
                ended.insert(Ended::Device(*id));
            }
        }
        for key in self.professionals.values().flat_map(|p| &p.keys) {
            if key.revoked_seq.is_some() {
                ended.insert(Ended::Key(key.key));
            }
            if key.released_seq.is_some() {
                ended.insert(Ended::Coordinator(key.key));
            }
        }
        for (key, invitation) in &self.invitations {
            if invitation.withdrawn {
                ended.insert(Ended::Invitation(*key));
            }
        }
        let replaced = self.roots.len().saturating_sub(1);
        ended.extend(self.roots.iter().take(replaced).copied().map(Ended::Root));
        ended
    }

    /// Whether something that another log ended stands by this one. What this one does
    /// not know does not stand.
    pub fn stands(&self, ended: &Ended) -> bool {
        let mut keys = self.professionals.values().flat_map(|p| &p.keys);
        match ended {
            Ended::Device(id) => {
                let device = self.devices.get(id);
                device.is_some_and(|device| device.revoked_seq.is_none())
            }
            Ended::Key(key) => keys.any(|k| k.key == *key && k.revoked_seq.is_none()),
            Ended::Coordinator(key) => {
                let standing =
                    |p: &super::Professional| p.standing() == super::Standing::Coordinator;
                let mut people = self.professionals.values();
                people.any(|p| p.newest().key == *key && standing(p))
            }
            Ended::Invitation(key) => {
                // While nobody uses it, it lets nobody in.
                keys.any(|k| k.enrolment_key == Some(*key) && k.revoked_seq.is_none())
            }
            Ended::Root(key) => self.root_key() == key,
        }
    }
}
