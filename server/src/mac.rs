//! What this server recognises as its own, by an HMAC-SHA256 under the secret of the
//! founding record, which is in every backup: bearer tokens, receipts of
//! connections, seals on structure entries.

use hmac::{Hmac, Mac};
use relais_wire::ids::DeviceId;
use relais_wire::label::Label;
use relais_wire::v1::LogHead;
use sha2::Sha256;

/// Bytes of a receipt: the connection's number and the tag.
const RECEIPT_BYTES: usize = 8 + 32;

/// The secret of the founding record.
pub struct MacKey(zeroize::Zeroizing<[u8; 32]>);

impl MacKey {
    /// With the founding record's token key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key.into())
    }

    /// HMAC over the label and the parts, each behind its length.
    pub fn mac(&self, label: Label, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length: this never fails.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).ok()?;
        mac.update(label.text().as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }

    fn tag(&self, label: Label, parts: &[&[u8]]) -> Vec<u8> {
        self.mac(label, parts)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    fn holds(&self, label: Label, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(label, parts)
            .is_some_and(|mac| mac.verify_slice(tag).is_ok())
    }

    /// A receipt for the device's connection `number` under `lease`.
    pub fn receipt(&self, device: DeviceId, number: u64, lease: &[u8]) -> Vec<u8> {
        let number = number.to_be_bytes();
        let parts: [&[u8]; 3] = [device.as_ref(), &number, lease];
        let mut receipt = number.to_vec();
        receipt.extend(self.tag(Label::ConnectionReceipt, &parts));
        receipt
    }

    /// The number of the connection that a receipt of ours proves; 0 for any other
    /// bytes.
    pub fn proved(&self, device: DeviceId, lease: &[u8], receipt: &[u8]) -> u64 {
        let Some((number, tag)) = receipt
            .split_first_chunk::<8>()
            .filter(|_| receipt.len() == RECEIPT_BYTES)
        else {
            return 0;
        };
        let parts: [&[u8]; 3] = [device.as_ref(), number, lease];
        match self.holds(Label::ConnectionReceipt, &parts, tag) {
            true => u64::from_be_bytes(*number),
            false => 0,
        }
    }

    /// The seal of a structure head, of a server that was restored so often.
    pub fn seal(&self, restores: u64, head: &LogHead) -> Vec<u8> {
        let seq = head.seq.to_be_bytes();
        self.seal_as(Label::StructureSeal, restores, [b"", &seq, &head.hash])
    }

    /// How often this server had been restored when it sealed the head; `None` for any
    /// other bytes.
    pub fn sealed(&self, head: &LogHead, seal: &[u8]) -> Option<u64> {
        let seq = head.seq.to_be_bytes();
        self.sealed_as(Label::StructureSeal, [b"", &seq, &head.hash], seal)
    }

    /// The seal of a channel's entry, as [`MacKey::seal`].
    pub fn channel_seal(&self, restores: u64, channel: &[u8], last: &LogHead) -> Vec<u8> {
        let seq = last.seq.to_be_bytes();
        self.seal_as(Label::ChannelSeal, restores, [channel, &seq, &last.hash])
    }

    /// As [`MacKey::sealed`].
    pub fn channel_sealed(&self, channel: &[u8], last: &LogHead, seal: &[u8]) -> Option<u64> {
        let seq = last.seq.to_be_bytes();
        self.sealed_as(Label::ChannelSeal, [channel, &seq, &last.hash], seal)
    }

    fn seal_as(&self, label: Label, restores: u64, [log, seq, hash]: [&[u8]; 3]) -> Vec<u8> {
        let restores = restores.to_be_bytes();
        let mut seal = restores.to_vec();
        seal.extend(self.tag(label, &[&restores, log, seq, hash]));
        seal
    }

    fn sealed_as(&self, label: Label, [log, seq, hash]: [&[u8]; 3], seal: &[u8]) -> Option<u64> {
        let (restores, tag) = seal.split_first_chunk::<8>()?;
        self.holds(label, &[restores, log, seq, hash], tag)
            .then_some(u64::from_be_bytes(*restores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: W1
    #[test]
    fn a_receipt_proves_one_connection_of_one_device_and_nothing_else() {
        let key = MacKey::new([1; 32]);
        let (device, other) = (DeviceId([7; 16]), DeviceId([8; 16]));
        let receipt = key.receipt(device, 3, b"lease");
        assert_eq!(key.proved(device, b"lease", &receipt), 3);
        assert_eq!(key.proved(other, b"lease", &receipt), 0);
        assert_eq!(key.proved(device, b"other", &receipt), 0);
        assert_eq!(MacKey::new([2; 32]).proved(device, b"lease", &receipt), 0);
        for at in 0..receipt.len() {
            let mut altered = receipt.clone();
            altered[at] ^= 1;
            assert_eq!(key.proved(device, b"lease", &altered), 0);
            assert_eq!(key.proved(device, b"lease", &receipt[..at]), 0);
        }
    }

    // proves: W1
    #[test]
    fn a_seal_is_of_one_head_and_one_life_of_the_server_and_no_receipt() {
        let key = MacKey::new([1; 32]);
        let head = |seq, byte| LogHead {
            seq,
            hash: vec![byte; 32].into(),
        };
        let seal = key.seal(2, &head(4, 9));
        assert_eq!(key.sealed(&head(4, 9), &seal), Some(2));
        assert_eq!(key.sealed(&head(5, 9), &seal), None);
        assert_eq!(key.sealed(&head(4, 8), &seal), None);
        assert_eq!(key.sealed(&head(4, 9), &[]), None);
        assert_eq!(MacKey::new([2; 32]).sealed(&head(4, 9), &seal), None);
        assert_eq!(key.channel_sealed(b"", &head(4, 9), &seal), None);
        for at in 0..seal.len() {
            let mut altered = seal.clone();
            altered[at] ^= 1;
            assert_eq!(key.sealed(&head(4, 9), &altered), None);
        }
    }

    // proves: W1
    #[test]
    fn a_channel_seal_is_of_one_entry_and_one_life_of_the_server() {
        let key = MacKey::new([1; 32]);
        let last = |seq| LogHead {
            seq,
            hash: vec![9; 32].into(),
        };
        let seal = key.channel_seal(7, b"channel", &last(4));
        assert_eq!(key.channel_sealed(b"channel", &last(4), &seal), Some(7));
        assert_eq!(key.channel_sealed(b"channel", &last(5), &seal), None);
        assert_eq!(key.channel_sealed(b"another", &last(4), &seal), None);
        for at in 0..seal.len() {
            let mut altered = seal.clone();
            altered[at] ^= 1;
            assert_eq!(key.channel_sealed(b"channel", &last(4), &altered), None);
            assert_eq!(key.channel_sealed(b"channel", &last(4), &seal[..at]), None);
        }
    }
}
