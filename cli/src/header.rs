//! The patient header as JSON that a person can write: dates as text,
//! enumerations as words. Rules of validity are the schema's.

use relais_core::schema::ins::Oid;
use relais_core::schema::v1 as schema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::render::Text;
use crate::time;
use crate::words::{AlertKind, IdentityStatus, Sex};

/// See the module's head. Fields that are not known may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderForm {
    birth_name: String,
    #[serde(default)]
    birth_given_names: Vec<String>,
    #[serde(default)]
    used_name: String,
    /// `1955-01-31`, `1955-01` or `1955`.
    #[serde(default)]
    birth_date: Option<String>,
    sex: Option<Sex>,
    /// INSEE code.
    #[serde(default)]
    birth_place: String,
    #[serde(default)]
    phone: String,
    identity_status: Option<IdentityStatus>,
    #[serde(default)]
    ins: Option<InsForm>,
    #[serde(default)]
    alerts: Vec<AlertForm>,
    #[serde(default)]
    contacts: Vec<ContactForm>,
    #[serde(default)]
    care_aims: Vec<String>,
}

/// National health identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InsForm {
    matricule: String,
    oid: String,
}

/// Something that everybody must know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertForm {
    label: String,
    kind: Option<AlertKind>,
}

/// Somebody to call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactForm {
    name: String,
    #[serde(default)]
    relation: String,
    #[serde(default)]
    phone: String,
}

impl HeaderForm {
    /// A patient who does not exist, with a demonstration INS.
    pub fn example() -> Self {
        Self {
            birth_name: "EXEMPLE".into(),
            birth_given_names: vec!["ODETTE".into(), "HÉLÈNE".into()],
            used_name: "Fictive".into(),
            birth_date: Some("1955-01-31".into()),
            sex: Some(Sex::Female),
            birth_place: "99999".into(),
            phone: "01 99 00 12 34".into(),
            identity_status: Some(IdentityStatus::Qualified),
            ins: Some(InsForm {
                matricule: "255019999900179".into(),
                oid: Oid::Demo.as_str().into(),
            }),
            alerts: vec![AlertForm {
                label: "Pénicilline".into(),
                kind: Some(AlertKind::Allergy),
            }],
            contacts: vec![ContactForm {
                name: "Paul Fictif".into(),
                relation: "fils".into(),
                phone: "+33 1 99 00 56 78".into(),
            }],
            care_aims: vec!["Rester chez elle".into()],
        }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`Failure::Value`] with line and column.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Failure::value("header", e.to_string()))
    }

    /// A header of a thread.
    pub fn of(header: &schema::PatientHeader) -> Self {
        Self {
            birth_name: header.birth_name.clone(),
            birth_given_names: header.birth_given_names.clone(),
            used_name: header.used_name.clone(),
            birth_date: header.birth_date.as_ref().map(time::date),
            sex: Sex::of(header.sex()),
            birth_place: header.birth_place.clone(),
            phone: header.phone.clone(),
            identity_status: IdentityStatus::of(header.identity_status()),
            ins: header.ins.as_ref().map(|ins| InsForm {
                matricule: ins.matricule.clone(),
                oid: ins.oid.clone(),
            }),
            alerts: header
                .alerts
                .iter()
                .map(|alert| AlertForm {
                    label: alert.label.clone(),
                    kind: AlertKind::of(alert.kind()),
                })
                .collect(),
            contacts: header
                .contacts
                .iter()
                .map(|contact| ContactForm {
                    name: contact.name.clone(),
                    relation: contact.relation.clone(),
                    phone: contact.phone.clone(),
                })
                .collect(),
            care_aims: header.care_aims.clone(),
        }
    }

    /// The header to be sent; its rules are checked by the engine.
    ///
    /// # Errors
    /// [`Failure::Value`] for a date that is none.
    pub fn schema(&self) -> Result<schema::PatientHeader> {
        let birth_date = match self.birth_date.as_deref() {
            None | Some("") => None,
            Some(text) => Some(time::parse_date(text).ok_or_else(|| {
                Failure::value("birth_date", "write 1955-01-31, 1955-01 or 1955")
            })?),
        };
        Ok(schema::PatientHeader {
            birth_name: self.birth_name.clone(),
            birth_given_names: self.birth_given_names.clone(),
            used_name: self.used_name.clone(),
            birth_date,
            sex: self.sex.map_or(0, |sex| sex.schema().into()),
            birth_place: self.birth_place.clone(),
            phone: self.phone.clone(),
            identity_status: self
                .identity_status
                .map_or(0, |status| status.schema().into()),
            ins: self.ins.as_ref().map(|ins| schema::Ins {
                matricule: ins.matricule.clone(),
                oid: ins.oid.clone(),
            }),
            alerts: self
                .alerts
                .iter()
                .map(|alert| schema::Alert {
                    label: alert.label.clone(),
                    kind: alert.kind.map_or(0, |kind| kind.schema().into()),
                })
                .collect(),
            contacts: self
                .contacts
                .iter()
                .map(|contact| schema::Contact {
                    name: contact.name.clone(),
                    relation: contact.relation.clone(),
                    phone: contact.phone.clone(),
                })
                .collect(),
            care_aims: self.care_aims.clone(),
        })
    }

    /// Writes it for people, each line behind `indent`.
    pub fn plain(&self, text: &mut Text, indent: &str) {
        let names = self.birth_given_names.join(" ");
        let used = match self.used_name.as_str() {
            "" => String::new(),
            used => format!(" ({used})"),
        };
        text.line(format_args!("{indent}{} {names}{used}", self.birth_name));
        let mut traits = Vec::new();
        if let Some(date) = &self.birth_date {
            traits.push(format!("born {date}"));
        }
        traits.extend(self.sex.map(|sex| sex.to_string()));
        if !self.birth_place.is_empty() {
            traits.push(format!("birth place {}", self.birth_place));
        }
        traits.extend(
            self.identity_status
                .map(|status| format!("identity {status}")),
        );
        text.line(format_args!("{indent}  {}", traits.join(" · ")));
        if let Some(ins) = &self.ins {
            let known = Oid::parse(&ins.oid);
            let real = known.is_some_and(Oid::is_real);
            let mark = if real { "" } else { "  (not a real person)" };
            text.line(format_args!(
                "{indent}  INS {} OID {}{mark}",
                ins.matricule, ins.oid
            ));
        }
        if !self.phone.is_empty() {
            text.line(format_args!("{indent}  phone {}", self.phone));
        }
        for alert in &self.alerts {
            let kind = alert.kind.unwrap_or(AlertKind::Other);
            text.line(format_args!("{indent}  ! {} ({kind})", alert.label));
        }
        for contact in &self.contacts {
            let ContactForm {
                name,
                relation,
                phone,
            } = contact;
            text.line(format_args!("{indent}  contact {name}, {relation} {phone}"));
        }
        for aim in &self.care_aims {
            text.block(&format!("{indent}  aim "), aim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid_and_survives_the_way_there_and_back() {
        let example = HeaderForm::example();
        let header = example.schema().expect("dates are right");
        let kind = schema::content::Kind::PatientHeader(header.clone());
        let content = schema::Content { kind: Some(kind) };
        assert_eq!(relais_core::schema::validate::content(&content), Ok(()));
        assert_eq!(HeaderForm::of(&header), example);
        let text = serde_json::to_string_pretty(&example).expect("plain fields");
        assert_eq!(HeaderForm::parse(&text).expect("its own text"), example);
        assert!(text.contains("\"1.2.250.1.213.1.4.11\""));
    }

    #[test]
    fn a_mistyped_field_is_named_rather_than_ignored() {
        let typo = HeaderForm::parse(r#"{"birth_name": "EXEMPLE", "allerts": []}"#);
        assert!(typo.expect_err("refused").to_string().contains("allerts"));
        let mut form = HeaderForm::example();
        form.birth_date = Some("31/01/1955".into());
        assert!(
            form.schema()
                .expect_err("refused")
                .to_string()
                .contains("birth_date")
        );
    }
}
