//! What makes a thread and its circle: the opening, and why someone is in it.

use super::check::{at_most, given, id, optional_time, required_line};
use super::civil::full_date;
use super::{Checked, FieldError, history};
use crate::limits;
use crate::v1::{Basis, ChannelKind, MembershipNote, ThreadOpened};

/// The rosters are opaque here: `relais-wire` verifies their chain.
pub(super) fn thread_opened(opened: &ThreadOpened) -> Checked {
    id("thread_id", &opened.thread_id)?;
    given::<ChannelKind>("channel_kind", opened.channel_kind)?;
    required_line("title", &opened.title, limits::TITLE_CHARS)?;
    if opened.rosters.is_empty() {
        return Err(FieldError::new("rosters", "is empty"));
    }
    at_most("rosters", opened.rosters.len(), limits::ROSTERS)?;
    for (i, roster) in opened.rosters.iter().enumerate() {
        if !(1..=limits::ROSTER_BYTES).contains(&roster.len()) {
            let problem = format_args!("must have 1 to {} bytes", limits::ROSTER_BYTES);
            return Err(FieldError::new(format_args!("rosters[{i}]"), problem));
        }
    }
    Ok(())
}

pub(super) fn membership_note(note: &MembershipNote) -> Checked {
    id("professional_id", &note.professional_id)?;
    required_line("role", &note.role, limits::NAME_CHARS)?;
    let basis = given::<Basis>("basis", note.basis)?;
    match (basis, note.consent_date) {
        (Basis::Consent, Some(date)) => full_date("consent_date", date)?,
        (Basis::Consent, None) => {
            return Err(FieldError::new("consent_date", "is needed for consent"));
        }
        (_, Some(_)) => {
            return Err(FieldError::new("consent_date", "belongs to consent only"));
        }
        (_, None) => {}
    }
    optional_time("until_ms", note.until_ms)?;
    history::promised(note)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    #[test]
    fn an_opening_names_thread_kind_title_and_rosters() {
        assert_eq!(thread_opened(&samples::thread_opened()), Ok(()));
        let refuse = |field, change: fn(&mut ThreadOpened)| {
            refused_field(samples::thread_opened(), change, thread_opened, field);
        };
        refuse("thread_id", |t| t.thread_id = vec![1; 15].into());
        refuse("channel_kind", |t| t.channel_kind = 0);
        refuse("channel_kind", |t| t.channel_kind = 3);
        refuse("channel_kind", |t| t.channel_kind = i32::MIN);
        refuse("title", |t| t.title = "  ".into());
        refuse("title", |t| t.title = "t".repeat(121));
        refuse("rosters", |t| t.rosters.clear());
        refuse("rosters", |t| t.rosters = vec![vec![1].into(); 1025]);
        refuse("rosters[1]", |t| t.rosters.push(vec![].into()));
        refuse("rosters[0]", |t| {
            t.rosters[0] = vec![0; 16 * 1024 + 1].into()
        });
    }

    #[test]
    fn consent_needs_its_day_and_other_bases_have_none() {
        assert_eq!(membership_note(&samples::membership_note()), Ok(()));
        let refuse = |field, change: fn(&mut MembershipNote)| {
            refused_field(samples::membership_note(), change, membership_note, field);
        };
        refuse("professional_id", |n| n.professional_id.clear());
        refuse("role", |n| n.role.clear());
        refuse("role", |n| n.role = "r".repeat(101));
        refuse("basis", |n| n.basis = 0);
        refuse("basis", |n| n.basis = 4);
        refuse("consent_date", |n| n.consent_date = None);
        refuse("consent_date", |n| {
            n.consent_date = Some(samples::date(2026, 2, 30))
        });
        refuse("consent_date", |n| {
            n.consent_date = Some(samples::date(2026, 2, 0))
        });
        refuse("consent_date", |n| n.basis = Basis::CareTeam.into());
        refuse("until_ms", |n| n.until_ms = 1);

        let mut team = samples::membership_note();
        team.basis = Basis::PatientDesignated.into();
        team.consent_date = None;
        assert_eq!(membership_note(&team), Ok(()));
    }
}
