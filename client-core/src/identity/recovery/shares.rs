//! The root's seed in shares: any `needed` of them give it back, fewer say nothing
//! (Shamir 1979, over GF(256); the library multiplies in constant time).
//!
//! Content: structure id (16), fingerprint of the root key (16), a random number of
//! the set (8), needed (1), of (1), number (1), value (32).

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use relais_wire::structure::root_fingerprint;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use super::armour::Armour;
use super::{Belongs, RecoveryError, Seed, public_key};

const SHARE: Armour = Armour {
    name: "RELAIS-SHARE-",
    version: "1",
    length: Belongs::BYTES + 8 + 3 + 32,
};

/// Most shares of one set: as many people as could ever be asked.
pub const SHARES: u8 = 16;

/// One share, read.
pub(super) struct Share {
    pub belongs: Belongs,
    pub set: [u8; 8],
    pub needed: u8,
    pub of: u8,
    pub number: u8,
    pub value: Zeroizing<[u8; 32]>,
}

/// Cuts the seed into `of` texts, of which `needed` give it back.
pub fn split(
    belongs: &Belongs,
    seed: &Seed,
    needed: u8,
    of: u8,
    randomness: [u8; 40],
) -> Result<Vec<Zeroizing<String>>, RecoveryError> {
    if needed < 2 || of < needed || of > SHARES {
        return Err(RecoveryError::Threshold);
    }
    let randomness = Zeroizing::new(randomness);
    let (set, source) = randomness.split_at(8);
    let mut coefficients = Zeroizing::new([0; 32]);
    coefficients.copy_from_slice(source);
    let source = ChaCha20Rng::from_seed(*coefficients);
    let points = Gf256::split_bytes(needed.into(), of.into(), seed.as_slice(), source)
        .map_err(|_| RecoveryError::Threshold)?;
    let write = |point: Vec<u8>| {
        let point = Zeroizing::new(point);
        let mut content = Zeroizing::new(Vec::with_capacity(SHARE.length));
        content.extend_from_slice(&belongs.bytes());
        content.extend_from_slice(set);
        content.extend_from_slice(&[needed, of]);
        content.extend_from_slice(&point); // Its number, then its value.
        SHARE.write(&content)
    };
    Ok(points.into_iter().map(write).collect())
}

/// Reads one share.
pub fn read(text: &str) -> Result<Share, RecoveryError> {
    let content = SHARE.read(text)?;
    let (head, value) = content.split_at(SHARE.length - 32);
    let rest = &head[Belongs::BYTES..];
    let mut share = Share {
        belongs: Belongs::read(head),
        set: [0; 8],
        needed: rest[8],
        of: rest[9],
        number: rest[10],
        value: Zeroizing::new([0; 32]),
    };
    share.set.copy_from_slice(&rest[..8]);
    share.value.copy_from_slice(value);
    let counts = 2 <= share.needed && share.needed <= share.of && share.of <= SHARES;
    if !counts || !(1..=share.of).contains(&share.number) {
        return Err(RecoveryError::Threshold);
    }
    Ok(share)
}

/// The seed, from shares of one set. One given twice counts once.
pub fn combine(shares: &[Share]) -> Result<Seed, RecoveryError> {
    let too_few = |given, needed| RecoveryError::TooFewShares { given, needed };
    let first = shares.first().ok_or(too_few(0, 2))?;
    let same = |s: &Share| (s.set, s.needed, s.of) == (first.set, first.needed, first.of);
    if !shares.iter().all(same) {
        return Err(RecoveryError::MixedShares);
    }
    let distinct: std::collections::BTreeMap<u8, &Share> =
        shares.iter().map(|share| (share.number, share)).collect();
    if distinct.len() < usize::from(first.needed) {
        return Err(too_few(distinct.len(), first.needed.into()));
    }
    let points = distinct.values().take(first.needed.into());
    let points: Vec<Vec<u8>> = points
        .map(|share| [&[share.number], share.value.as_slice()].concat())
        .collect();
    let combined = Gf256::combine_bytes(&points).map(Zeroizing::new);
    points.into_iter().map(Zeroizing::new).for_each(drop);
    let combined = combined.map_err(|_| RecoveryError::NotTheRoot)?;
    let mut seed = Seed::default();
    seed.copy_from_slice(&combined);
    // A share that somebody altered gives another seed.
    if root_fingerprint(&public_key(&seed)) != first.belongs.fingerprint {
        return Err(RecoveryError::NotTheRoot);
    }
    Ok(seed)
}
