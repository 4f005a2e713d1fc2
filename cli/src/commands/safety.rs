//! Comparing keys with another person.

use clap::Args;
use relais_core::identity::safety::{SafetyCheck, Verification};
use serde::Serialize;

use crate::failure::{Result, exit};
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::PersonRef;

/// Show the code that you and another person compare, or check theirs
///
/// Both of you see the same 60 digits unless somebody is in between. Read them to each
/// other by telephone, or check what the other one sent you with --verify.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais people safety-code fictif
  relais people safety-code fictif --verify '37458 70823 …'
  relais people safety-code fictif --compared")]
pub struct Safety {
    /// Name or id
    who: String,
    /// Digits of their code, spaces as you like, or the hexadecimal bytes of their QR code
    #[arg(long, value_name = "CODE", conflicts_with = "compared")]
    verify: Option<String>,
    /// You have compared the digits, and they are the same
    #[arg(long)]
    compared: bool,
}

#[derive(Debug, Serialize)]
struct SafetyView {
    person: PersonRef,
    digits: String,
    /// For a QR code in byte mode, hexadecimal.
    payload: String,
    /// `never`, `verified` or `lost`.
    verification: &'static str,
    /// `match`, `mismatch`, `other_people` or `other_version`, after --verify.
    check: Option<&'static str>,
}

/// The word for what is known of somebody's keys.
pub fn verification_word(verification: Verification) -> &'static str {
    match verification {
        Verification::Never => "never",
        Verification::Verified => "verified",
        Verification::Lost => "lost",
    }
}

impl Safety {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let view = session
            .act(move |e| {
                let id = resolve::person(e, &self.who)?;
                let check = match &self.verify {
                    Some(code) => Some(e.verify_safety_code(id, &presented(code))?),
                    None => None,
                };
                if self.compared {
                    e.mark_verified(id)?;
                }
                let code = e.safety_code(id)?;
                Ok(SafetyView {
                    person: PersonRef::of(e, id),
                    digits: code.digits,
                    payload: hex::encode(code.payload),
                    verification: verification_word(e.verification(&id)?),
                    check: check.map(|check| match check {
                        SafetyCheck::Match => "match",
                        SafetyCheck::Mismatch => "mismatch",
                        SafetyCheck::OtherPeople => "other_people",
                        SafetyCheck::OtherVersion => "other_version",
                    }),
                })
            })
            .await?;
        Ok(view.into())
    }
}

/// Digits are never 81 bytes of hexadecimal: a payload begins with its version, 01.
fn presented(code: &str) -> Vec<u8> {
    let code = code.trim();
    match hex::decode(code) {
        Ok(bytes) if bytes.len() > 60 => bytes,
        _ => code.as_bytes().to_vec(),
    }
}

impl View for SafetyView {
    fn plain(&self, text: &mut Text) {
        let groups: Vec<&str> = self.digits.split(' ').collect();
        groups.chunks(4).for_each(|line| text.line(line.join(" ")));
        let name = &self.person.name;
        match self.check {
            Some("match") => text.note(format_args!("the same: verified with {name}")),
            Some("mismatch") => text.note(format_args!(
                "NOT the same: do not trust {name}'s device; sync both, then compare again"
            )),
            Some("other_people") => text.note("this is a code of other people"),
            Some(_) => text.note("not a code that this version reads"),
            None => match self.verification {
                "verified" => text.note(format_args!("verified with {name}")),
                "lost" => text.note(format_args!(
                    "{name}'s keys, or yours, have changed since you compared them"
                )),
                _ => text.note(format_args!("not compared with {name} yet")),
            },
        }
    }

    fn exit(&self) -> u8 {
        match self.check {
            None | Some("match") => 0,
            Some(_) => exit::USER,
        }
    }
}
