//! What a kit and shares survive, and what each kind of damage is called.

use std::collections::BTreeSet;

use super::*;

const SEED: [u8; 32] = [7; 32];
const PASSPHRASE: &str = "cheval agrafe été rivière";

fn seed() -> Seed {
    Zeroizing::new(SEED)
}

fn ours() -> Belongs {
    Belongs::to(StructureId([1; 16]), &public_key(&seed()))
}

fn kit() -> String {
    seal_kit(&ours(), &seed(), PASSPHRASE, [9; 16])
        .expect("a kit")
        .to_string()
}

fn made(needed: u8, of: u8) -> Vec<String> {
    let shares = split_shares(&ours(), &seed(), needed, of, [3; 40]).expect("shares");
    shares.iter().map(|share| share.to_string()).collect()
}

/// The text with another digit in this place.
fn mistyped(text: &str, place: usize, digit: char) -> String {
    let start = text.find(':').expect("a head") + 1;
    let mut characters: Vec<char> = text.chars().collect();
    characters[start + place] = digit;
    characters.into_iter().collect()
}

#[test]
fn a_kit_reads_the_same_for_years() {
    // Argon2id, XChaCha20-Poly1305 and the armour, from fixed inputs.
    assert_eq!(
        kit(),
        "RELAIS-KIT-1:040G2-08104-0G208-1040G-20810-4YTAX-TEA4W-JCK4E-PE9ZZ-FSTP5-GG008-\
         0001G-J2891-44GJ2-89144-GJ289-144GK-XJG69-7N2NH-BSHBZ-3FNPR-VW6HC-9G130-Y5QVG-463HT-\
         E4T3T-WBATD-H9BG4-VEDVJ-PYNYD-1VF9A-Y7TJA-HDBE9-V2A"
    );
    assert_eq!(*open_kit(&ours(), &kit(), PASSPHRASE).expect("opens"), SEED);
}

#[test]
fn a_kit_is_typed_in_any_case_with_any_spaces_and_accents_from_any_keyboard() {
    let typed = kit()
        .to_lowercase()
        .replace('-', " ")
        .replacen("relais kit 1", "relais-kit-1", 1);
    let typed = format!(
        "  {}\n",
        typed
            .replace('0', "o")
            .replace('1', "l")
            .replacen("kit-l", "kit-1", 1)
    );
    let decomposed = "cheval  agrafe e\u{301}te\u{301} rivie\u{300}re ";
    assert_eq!(*open_kit(&ours(), &typed, decomposed).expect("opens"), SEED);
}

#[test]
fn each_kind_of_damage_of_a_kit_has_a_name() {
    let kit = kit();
    let open = |text: &str| open_kit(&ours(), text, PASSPHRASE).err();
    assert_eq!(open("hello"), Some(RecoveryError::NotThis));
    assert_eq!(open(&made(2, 3)[0]), Some(RecoveryError::NotThis));
    assert_eq!(open(&"A".repeat(100_000)), Some(RecoveryError::NotThis));
    assert_eq!(
        open(&kit.replace("KIT-1", "KIT-2")),
        Some(RecoveryError::Version)
    );
    assert_eq!(
        open(&mistyped(&kit, 6, 'U')),
        Some(RecoveryError::Character(6))
    );
    assert_eq!(open(&kit[..kit.len() - 8]), Some(RecoveryError::Length));
    assert_eq!(
        open(&format!("{kit}-00000-000")),
        Some(RecoveryError::Length)
    );
    let other = if kit.contains(":0") { '1' } else { '0' };
    assert_eq!(
        open(&mistyped(&kit, 0, other)),
        Some(RecoveryError::Damaged)
    );
    let wrong = open_kit(&ours(), &kit, "cheval agrafe hiver rivière").err();
    assert_eq!(wrong, Some(RecoveryError::WrongPassphrase));
    let mut elsewhere = ours();
    elsewhere.structure = StructureId([2; 16]);
    let foreign = open_kit(&elsewhere, &kit, PASSPHRASE).err();
    assert_eq!(foreign, Some(RecoveryError::OtherStructure));
    let replaced = Belongs::to(StructureId([1; 16]), &[8; 32]);
    let old = open_kit(&replaced, &kit, PASSPHRASE).err();
    assert_eq!(old, Some(RecoveryError::OtherRoot));
}

#[test]
fn any_mistyped_character_of_a_kit_is_noticed_before_the_passphrase_is_tried() {
    let kit = kit();
    let start = kit.find(':').expect("a head") + 1;
    for (place, old) in kit[start..].chars().enumerate().filter(|(_, c)| *c != '-') {
        let other = if old == 'Z' { 'Y' } else { 'Z' };
        let refused = kit::belongs(&mistyped(&kit, place, other)).err();
        assert_eq!(refused, Some(RecoveryError::Damaged), "{place}");
    }
}

#[test]
fn a_kit_that_asks_for_absurd_work_is_refused_at_once() {
    for (kib, passes) in [(u32::MAX, 3), (1 << 20, 3), (64, 0), (64, 17), (0, 1)] {
        let mut content = kit::KIT.read(&kit()).expect("a kit").to_vec();
        content[32..36].copy_from_slice(&u32::to_be_bytes(kib));
        content[36] = passes;
        let refused = open_kit(&ours(), &kit::KIT.write(&content), PASSPHRASE).err();
        assert_eq!(refused, Some(RecoveryError::Parameters), "{kib} {passes}");
    }
}

#[test]
fn a_weak_passphrase_makes_no_kit() {
    for weak in [
        "",
        "court",
        "quinze lettres.",
        "aaaaaaaaaaaaaaaaaaaa",
        "ab ab ab ab ab ab ab ab ab",
    ] {
        let refused = seal_kit(&ours(), &seed(), weak, [0; 16]).err();
        assert_eq!(refused, Some(RecoveryError::WeakPassphrase), "{weak}");
    }
}

#[test]
fn any_two_of_three_shares_give_the_root_back() {
    let shares = made(2, 3);
    for pair in [[0, 1], [0, 2], [1, 2], [2, 0]] {
        let pair = pair.map(|n| shares[n].clone());
        assert_eq!(*open_shares(&ours(), &pair).expect("enough"), SEED);
    }
    assert_eq!(
        *open_shares(&ours(), &shares).expect("more than enough"),
        SEED
    );
    let of_many = made(16, 16);
    assert_eq!(*open_shares(&ours(), &of_many).expect("all"), SEED);
}

#[test]
fn too_few_shares_say_how_many_are_missing() {
    let shares = made(3, 5);
    let open = |texts: &[String]| open_shares(&ours(), texts).err();
    let few = |given| Some(RecoveryError::TooFewShares { given, needed: 3 });
    assert_eq!(open(&shares[..2]), few(2));
    let twice = [shares[0].clone(), shares[0].clone(), shares[1].clone()];
    assert_eq!(open(&twice), few(2));
    assert_eq!(
        open(&[]),
        Some(RecoveryError::TooFewShares {
            given: 0,
            needed: 2
        })
    );
}

#[test]
fn shares_of_two_sets_or_an_altered_one_are_refused() {
    let shares = made(2, 3);
    let again = split_shares(&ours(), &seed(), 2, 3, [4; 40]).expect("shares");
    let mixed = [shares[0].clone(), again[1].to_string()];
    let refused = open_shares(&ours(), &mixed).err();
    assert_eq!(refused, Some(RecoveryError::MixedShares));
    // Somebody who knows the check writes a share of another seed into the set.
    let other = Zeroizing::new([8; 32]);
    let forged = split_shares(&ours(), &other, 2, 3, [3; 40]).expect("shares");
    let forged = [shares[0].clone(), forged[1].to_string()];
    assert_eq!(
        open_shares(&ours(), &forged).err(),
        Some(RecoveryError::NotTheRoot)
    );
    for (needed, of) in [(0, 3), (1, 3), (4, 3), (2, 17), (255, 255)] {
        let refused = split_shares(&ours(), &seed(), needed, of, [0; 40]).err();
        assert_eq!(refused, Some(RecoveryError::Threshold), "{needed} of {of}");
    }
}

#[test]
fn one_share_below_the_threshold_is_compatible_with_every_seed() {
    // One share of two for a byte: whatever the secret byte, exactly one line goes
    // through it and the share, so over all randomness each value of the share must
    // come up, for each secret. A coefficient that is never zero would leave one out.
    for secret in [0u8, 7, 255] {
        let mut seen = BTreeSet::new();
        for round in 0..=u8::MAX {
            let mut randomness = [round; 40];
            randomness[39] = secret;
            let seed = Zeroizing::new([secret; 32]);
            let belongs = Belongs::to(StructureId([1; 16]), &public_key(&seed));
            let shares = split_shares(&belongs, &seed, 2, 2, randomness).expect("shares");
            let share = super::shares::read(&shares[0]).expect("a share");
            seen.extend(share.value.iter().copied());
        }
        assert_eq!(seen.len(), 256, "secret {secret}");
    }
}
