//! Safety codes: what two people compare, by eye, by telephone or by scanning, to know
//! that the server showed each of them the other's true key. The same for both, and
//! another as soon as one of the keys is another.

use prost::Message;
use relais_wire::ids::{ProfessionalId, StructureId};
use relais_wire::label::{Label, hash};
use relais_wire::structure::{PublicKey, Structure};
use relais_wire::v1::{ProfessionalEnrolled, Statement, StatementKind, StructureEntry};
use rusqlite::{OptionalExtension, params};

use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// Groups of five digits.
const GROUPS: usize = 12;
/// First byte of a payload; never a digit, so that both can be told apart.
const VERSION: u8 = 1;

/// What two people compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyCode {
    /// 60 digits in 12 groups, separated by spaces.
    pub digits: String,
    /// For a QR code, in byte mode: version (1), structure id (16), id of the person who
    /// shows it (16), id of the person who scans it (16), hash (32).
    pub payload: Vec<u8>,
}

/// What a comparison said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SafetyCheck {
    /// The same: the keys are true.
    Match,
    /// Another: somebody may be in between, or one of the two is not up to date.
    Mismatch,
    /// A code of other people.
    OtherPeople,
    /// Shown by another version of Relais, or no code at all.
    OtherVersion,
}

/// Whether a person's keys were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verification {
    /// Never on this device.
    #[default]
    Never,
    /// They match, and have not changed since.
    Verified,
    /// They were compared once, and one of them has changed since: compare again.
    Lost,
}

/// Digits for a hash: groups of five, 16.6 bits each.
pub(super) fn digits(label: Label, parts: &[&[u8]]) -> String {
    let mut source = Vec::new();
    for block in 0..2u8 {
        source.extend(hash(label, &[&[block], &parts.concat()]));
    }
    let group = |bytes: &[u8]| {
        let number = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        format!("{:05}", number % 100_000)
    };
    let groups: Vec<String> = source.chunks_exact(5).take(GROUPS).map(group).collect();
    groups.join(" ")
}

/// A person of a comparison.
type Party = (ProfessionalId, PublicKey);

fn safety_hash(structure: StructureId, root: &PublicKey, parties: [Party; 2]) -> [u8; 32] {
    let mut parties = parties;
    parties.sort_unstable();
    let mut parts: Vec<&[u8]> = vec![structure.as_ref(), root];
    for (id, key) in &parties {
        parts.extend([id.as_ref(), key.as_slice()]);
    }
    hash(Label::SafetyCode, &parts)
}

/// The code between two people of a structure, shown by the first.
fn between(structure: &Structure, me: ProfessionalId, them: ProfessionalId) -> Option<SafetyCode> {
    let party = |id: ProfessionalId| Some((id, structure.professional(&id)?.newest().key));
    let (id, root) = (structure.id()?, structure.roots().first()?);
    let compared = safety_hash(id, root, [party(me)?, party(them)?]);
    let payload = [
        &[VERSION][..],
        id.as_ref(),
        me.as_ref(),
        them.as_ref(),
        &compared,
    ]
    .concat();
    Some(SafetyCode {
        digits: digits(Label::SafetyCode, &[&compared]),
        payload,
    })
}

/// Compares what was typed (digits, spaces ignored) or scanned with one's own code.
fn compare(own: &SafetyCode, presented: &[u8]) -> SafetyCheck {
    if let Some(typed) = typed_digits(presented) {
        let own: String = own.digits.split(' ').collect();
        return match typed == own {
            true => SafetyCheck::Match,
            false => SafetyCheck::Mismatch,
        };
    }
    if presented.first() != Some(&VERSION) || presented.len() != own.payload.len() {
        return SafetyCheck::OtherVersion;
    }
    // Theirs names them first.
    let (head, compared) = presented.split_at(49);
    let (own_head, own_compared) = own.payload.split_at(49);
    let swapped = [&own_head[..17], &own_head[33..], &own_head[17..33]].concat();
    match (head == swapped, compared == own_compared) {
        (false, _) => SafetyCheck::OtherPeople,
        (true, false) => SafetyCheck::Mismatch,
        (true, true) => SafetyCheck::Match,
    }
}

fn typed_digits(presented: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(presented).ok()?;
    let typed: String = text.split_whitespace().collect();
    let all = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    all.then_some(typed)
}

impl Engine {
    /// The code that this device and another person's compare.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a person who has not enrolled, [`Error::Invalid`] for
    /// oneself.
    pub fn safety_code(&self, professional: ProfessionalId) -> Result<SafetyCode> {
        let me = self.identity()?.professional();
        if me == professional {
            return Err(Error::invalid("professional", "is yourself"));
        }
        between(&self.structure, me, professional).ok_or(Error::Unknown("person"))
    }

    /// Compares a code that the other person shows or reads out. A match is kept.
    ///
    /// # Errors
    /// Those of [`Engine::safety_code`].
    pub fn verify_safety_code(
        &mut self,
        professional: ProfessionalId,
        presented: &[u8],
    ) -> Result<SafetyCheck> {
        let check = compare(&self.safety_code(professional)?, presented);
        if check == SafetyCheck::Match {
            self.mark_verified(professional)?;
        }
        Ok(check)
    }

    /// The two people have compared the digits, and they are the same.
    ///
    /// # Errors
    /// Those of [`Engine::safety_code`].
    pub fn mark_verified(&mut self, professional: ProfessionalId) -> Result<()> {
        let code = self.safety_code(professional)?;
        self.transaction(|engine| {
            engine
                .db
                .prepare_cached(
                    "INSERT OR REPLACE INTO verified (professional, code) VALUES (?1, ?2)",
                )?
                .execute(params![professional.0, code.digits])?;
            engine.events.push_back(Event::PeopleChanged);
            Ok(())
        })
    }

    /// A new key of somebody ends what was compared.
    pub(super) fn safety_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let enrolled = Statement::decode(entry.statement.clone())
            .ok()
            .filter(|statement| statement.kind() == StatementKind::ProfessionalEnrolled)
            .and_then(|statement| ProfessionalEnrolled::decode(statement.body).ok())
            .and_then(|body| ProfessionalId::try_from(&body.professional_id).ok());
        if let Some(id) = enrolled
            && self.verification(&id)? == Verification::Lost
        {
            self.events.push_back(Event::VerificationLost(id));
        }
        Ok(())
    }

    /// Whether a person's keys were compared on this device, and still are the same.
    ///
    /// # Errors
    /// Of the database.
    pub fn verification(&self, professional: &ProfessionalId) -> Result<Verification> {
        let compared: Option<String> = self
            .db
            .prepare_cached("SELECT code FROM verified WHERE professional = ?1")?
            .query_row([professional.0], |row| row.get(0))
            .optional()?;
        let Some(compared) = compared else {
            return Ok(Verification::Never);
        };
        Ok(match self.safety_code(*professional) {
            Ok(code) if code.digits == compared => Verification::Verified,
            _ => Verification::Lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use relais_wire::structure::sign_statement;
    use relais_wire::v1::{CoordinatorCertified, StructureCreated};

    const STRUCTURE: StructureId = StructureId([1; 16]);
    const CLAIRE: ProfessionalId = ProfessionalId([10; 16]);
    const NADIA: ProfessionalId = ProfessionalId([11; 16]);
    const HERVE: ProfessionalId = ProfessionalId([12; 16]);

    /// A structure as somebody's server shows it.
    fn shown(root: u8, people: &[(ProfessionalId, u8)]) -> Structure {
        let key = |n: u8| SigningKey::from_bytes(&[n; 32]);
        let public = |n: u8| key(n).verifying_key().to_bytes().to_vec().into();
        let mut structure = Structure::new();
        let created = StructureCreated {
            structure_id: STRUCTURE.to_bytes(),
            root_key: public(root),
            ciphersuite: relais_wire::mls::SUITE_XWING.into(),
        };
        let created = sign_statement(StatementKind::StructureCreated, &created, &[&key(root)]);
        structure.append(created.into(), 1).expect("created");
        for (id, n) in people {
            let body = CoordinatorCertified {
                structure_id: STRUCTURE.to_bytes(),
                professional_id: id.to_bytes(),
                professional_key: public(*n),
            };
            let kind = StatementKind::CoordinatorCertified;
            let certified = sign_statement(kind, &body, &[&key(root), &key(*n)]);
            structure.append(certified.into(), 1).expect("certified");
        }
        structure
    }

    fn true_one() -> Structure {
        shown(9, &[(CLAIRE, 10), (NADIA, 11), (HERVE, 12)])
    }

    fn code(structure: &Structure, me: ProfessionalId, them: ProfessionalId) -> SafetyCode {
        between(structure, me, them).expect("both are known")
    }

    #[test]
    fn both_sides_show_the_same_digits_for_years() {
        let structure = true_one();
        let claire = code(&structure, CLAIRE, NADIA);
        assert_eq!(
            claire.digits,
            "37458 70823 67921 94311 27656 00632 04937 98687 75763 66604 70624 90116"
        );
        let head = hex::encode(&claire.payload[..49]);
        let ids = ["01".repeat(16), "0a".repeat(16), "0b".repeat(16)].concat();
        assert_eq!(head, format!("01{ids}"));
        assert_eq!(code(&structure, NADIA, CLAIRE).digits, claire.digits);
        assert_ne!(code(&structure, NADIA, HERVE).digits, claire.digits);
    }

    #[test]
    fn a_scan_or_the_digits_read_out_match() {
        let structure = true_one();
        let (mine, theirs) = (
            code(&structure, CLAIRE, NADIA),
            code(&structure, NADIA, CLAIRE),
        );
        assert_eq!(compare(&mine, &theirs.payload), SafetyCheck::Match);
        let read_out = theirs.digits.replace(' ', "  \n");
        assert_eq!(compare(&mine, read_out.as_bytes()), SafetyCheck::Match);
        assert_eq!(
            compare(&mine, &mine.payload),
            SafetyCheck::OtherPeople,
            "one's own"
        );
        let others = code(&structure, HERVE, CLAIRE).payload;
        assert_eq!(compare(&mine, &others), SafetyCheck::OtherPeople);
        let mut newer = theirs.payload.clone();
        newer[0] = 2;
        for odd in [&newer[..], &theirs.payload[..80], b"", b"hello", &[1]] {
            assert_eq!(compare(&mine, odd), SafetyCheck::OtherVersion);
        }
        let short = &theirs.digits[..59];
        assert_eq!(compare(&mine, short.as_bytes()), SafetyCheck::Mismatch);
    }

    // proves: I1
    #[test]
    fn a_server_that_shows_another_key_gives_another_code() {
        let theirs = code(&true_one(), NADIA, CLAIRE);
        for lie in [
            shown(9, &[(CLAIRE, 10), (NADIA, 66)]),
            shown(9, &[(CLAIRE, 66), (NADIA, 11)]),
            shown(66, &[(CLAIRE, 10), (NADIA, 11)]),
            shown(9, &[(CLAIRE, 11), (NADIA, 10)]),
        ] {
            let mine = code(&lie, CLAIRE, NADIA);
            assert_ne!(mine.digits, theirs.digits);
            assert_eq!(compare(&mine, &theirs.payload), SafetyCheck::Mismatch);
            assert_eq!(
                compare(&mine, theirs.digits.as_bytes()),
                SafetyCheck::Mismatch
            );
        }
    }
}
