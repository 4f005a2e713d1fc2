//! The patient header: traits, identity status, INS, alerts, contacts, aims.
//!
//! A qualified identity is complete: birth name, given names, full date, sex,
//! place of birth and INS. Any other carries no INS and may be partial: its date
//! may lack the day, or month and day, or be absent.

use super::check::{at_most, given, line, phone, required_line, required_prose};
use super::civil::{full_date, partial_date};
use super::{Checked, FieldError};
use crate::ins::{Matricule, Oid};
use crate::limits;
use crate::v1::{Alert, AlertKind, Contact, IdentityStatus, Ins, PatientHeader, Sex};

pub(super) fn header(header: &PatientHeader) -> Checked {
    required_line("birth_name", &header.birth_name, limits::NAME_CHARS)?;
    given_names(&header.birth_given_names)?;
    line("used_name", &header.used_name, limits::NAME_CHARS)?;
    if let Some(date) = header.birth_date {
        partial_date("birth_date", date)?;
    }
    given::<Sex>("sex", header.sex)?;
    birth_place(&header.birth_place)?;
    phone("phone", &header.phone)?;
    match given("identity_status", header.identity_status)? {
        IdentityStatus::Qualified => qualified(header)?,
        _ if header.ins.is_some() => {
            return Err(FieldError::new(
                "ins",
                "belongs to a qualified identity only",
            ));
        }
        _ => {}
    }
    alerts(&header.alerts)?;
    contacts(&header.contacts)?;
    care_aims(&header.care_aims)
}

fn qualified(header: &PatientHeader) -> Checked {
    let missing = |field| FieldError::new(field, "is needed for a qualified identity");
    if header.birth_given_names.is_empty() {
        return Err(missing("birth_given_names"));
    }
    let date = header.birth_date.ok_or_else(|| missing("birth_date"))?;
    full_date("birth_date", date)?;
    if header.birth_place.is_empty() {
        return Err(missing("birth_place"));
    }
    ins(header.ins.as_ref().ok_or_else(|| missing("ins"))?)
}

fn ins(ins: &Ins) -> Checked {
    Matricule::parse(&ins.matricule).map_err(|error| FieldError::new("ins.matricule", error))?;
    Oid::parse(&ins.oid)
        .map(|_| ())
        .ok_or_else(|| FieldError::new("ins.oid", "is not an OID of the INS"))
}

fn given_names(names: &[String]) -> Checked {
    at_most("birth_given_names", names.len(), limits::GIVEN_NAMES)?;
    names.iter().enumerate().try_for_each(|(i, name)| {
        required_line(
            format_args!("birth_given_names[{i}]"),
            name,
            limits::NAME_CHARS,
        )
    })
}

/// INSEE code: département or 99 (abroad), then three digits; or nothing. Codes
/// of communes and countries that ended stay valid, so there is no list.
fn birth_place(code: &str) -> Checked {
    let fits = match code.as_bytes() {
        [] => true,
        [b'2', b'A' | b'B', commune @ ..] => {
            commune.len() == 3 && commune.iter().all(u8::is_ascii_digit)
        }
        digits => {
            digits.len() == 5 && digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"00")
        }
    };
    if fits {
        return Ok(());
    }
    Err(FieldError::new("birth_place", "is not an INSEE code"))
}

fn alerts(alerts: &[Alert]) -> Checked {
    at_most("alerts", alerts.len(), limits::ALERTS)?;
    alerts.iter().enumerate().try_for_each(|(i, alert)| {
        required_line(
            format_args!("alerts[{i}].label"),
            &alert.label,
            limits::TITLE_CHARS,
        )?;
        given::<AlertKind>(format_args!("alerts[{i}].kind"), alert.kind).map(|_| ())
    })
}

fn contacts(contacts: &[Contact]) -> Checked {
    at_most("contacts", contacts.len(), limits::CONTACTS)?;
    contacts.iter().enumerate().try_for_each(|(i, contact)| {
        required_line(
            format_args!("contacts[{i}].name"),
            &contact.name,
            limits::NAME_CHARS,
        )?;
        line(
            format_args!("contacts[{i}].relation"),
            &contact.relation,
            limits::NAME_CHARS,
        )?;
        phone(format_args!("contacts[{i}].phone"), &contact.phone)
    })
}

fn care_aims(aims: &[String]) -> Checked {
    at_most("care_aims", aims.len(), limits::CARE_AIMS)?;
    aims.iter().enumerate().try_for_each(|(i, aim)| {
        required_prose(format_args!("care_aims[{i}]"), aim, limits::CARE_AIM_CHARS)
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, date, refused_field};
    use super::*;

    fn refuse(field: &str, change: fn(&mut PatientHeader)) {
        refused_field(samples::patient_header(), change, header, field);
    }

    fn provisional() -> PatientHeader {
        PatientHeader {
            identity_status: IdentityStatus::Provisional.into(),
            ins: None,
            ..samples::patient_header()
        }
    }

    #[test]
    fn a_qualified_demo_identity_is_accepted() {
        assert_eq!(header(&samples::patient_header()), Ok(()));
    }

    #[test]
    fn traits_are_names_dates_and_codes() {
        refuse("birth_name", |h| h.birth_name.clear());
        refuse("birth_name", |h| h.birth_name = "N".repeat(101));
        refuse("birth_name", |h| h.birth_name = "DU\u{202E}PONT".into());
        refuse("birth_given_names", |h| {
            h.birth_given_names = vec!["A".into(); 17]
        });
        refuse("birth_given_names[1]", |h| {
            h.birth_given_names.push(" ".into())
        });
        refuse("used_name", |h| h.used_name = "a\u{1B}[2J".into());
        refuse("birth_date", |h| h.birth_date = Some(date(1955, 2, 29)));
        refuse("sex", |h| h.sex = 0);
        refuse("sex", |h| h.sex = 9);
        refuse("phone", |h| h.phone = "call me".into());
        refuse("identity_status", |h| h.identity_status = 0);
        refuse("identity_status", |h| h.identity_status = -1);
    }

    #[test]
    fn a_place_of_birth_is_an_insee_code() {
        for code in ["75056", "2A004", "2B033", "97411", "99999"] {
            assert_eq!(birth_place(code), Ok(()), "{code}");
        }
        for code in [
            "7505", "750560", "2C004", "2a004", "2A04", "00123", "Paris", "７5056",
        ] {
            assert!(birth_place(code).is_err(), "{code}");
        }
    }

    #[test]
    fn a_qualified_identity_is_complete() {
        refuse("birth_given_names", |h| h.birth_given_names.clear());
        refuse("birth_date", |h| h.birth_date = None);
        refuse("birth_date", |h| h.birth_date = Some(date(1955, 1, 0)));
        refuse("birth_place", |h| h.birth_place.clear());
        refuse("ins", |h| h.ins = None);
    }

    #[test]
    fn an_ins_is_verified_and_belongs_to_a_qualified_identity() {
        let with = |matricule: &str, oid: &str| {
            Some(Ins {
                matricule: matricule.into(),
                oid: oid.into(),
            })
        };
        let mut wrong_key = samples::patient_header();
        wrong_key.ins = with("255019999900178", Oid::Demo.as_str());
        let error = header(&wrong_key).expect_err("refused");
        assert_eq!(error.to_string(), "ins.matricule: key does not match");

        let mut wrong_oid = samples::patient_header();
        wrong_oid.ins = with("255019999900179", "1.2.250.1.213.1.4.7");
        assert_eq!(header(&wrong_oid).expect_err("refused").field, "ins.oid");

        for status in [
            IdentityStatus::Provisional,
            IdentityStatus::Retrieved,
            IdentityStatus::Validated,
        ] {
            let mut early = samples::patient_header();
            early.identity_status = status.into();
            assert_eq!(header(&early).expect_err("refused").field, "ins");
            // Not even an empty one: its presence is what is refused.
            early.ins = Some(Ins::default());
            assert_eq!(header(&early).expect_err("refused").field, "ins");
        }
    }

    #[test]
    fn an_identity_that_is_not_qualified_may_be_partial() {
        for birth_date in [None, Some(date(1955, 0, 0)), Some(date(1955, 1, 0))] {
            let partial = PatientHeader {
                birth_given_names: vec![],
                birth_date,
                birth_place: String::new(),
                ..provisional()
            };
            assert_eq!(header(&partial), Ok(()));
        }
        refused_field(
            provisional(),
            |h| h.birth_name.clear(),
            header,
            "birth_name",
        );
        refused_field(provisional(), |h| h.sex = 0, header, "sex");
    }

    #[test]
    fn lists_are_bounded_and_each_item_is_verified() {
        refuse("alerts", |h| h.alerts = vec![h.alerts[0].clone(); 33]);
        refuse("alerts[2].label", |h| {
            h.alerts = vec![h.alerts[0].clone(); 3];
            h.alerts[2].label.clear();
        });
        refuse("alerts[0].kind", |h| h.alerts[0].kind = 0);
        refuse("alerts[0].kind", |h| h.alerts[0].kind = 4);
        refuse("contacts", |h| h.contacts = vec![h.contacts[0].clone(); 17]);
        refuse("contacts[0].name", |h| h.contacts[0].name.clear());
        refuse("contacts[0].relation", |h| {
            h.contacts[0].relation = "a\nb".into()
        });
        refuse("contacts[0].phone", |h| h.contacts[0].phone = "x".into());
        refuse("care_aims", |h| h.care_aims = vec!["a".into(); 17]);
        refuse("care_aims[0]", |h| h.care_aims[0] = "a".repeat(501));
    }
}
