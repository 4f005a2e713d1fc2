//! What a notification shows. A push carries no content and no name; a notification
//! extension or push receiver calls [`describe_push`] and opens nothing: no database, no
//! key, no network (architecture D14).

use serde::Deserialize;

/// Longest payload that is looked at, in bytes: what push services carry.
const LONGEST: usize = 4096;
/// A badge shows no more.
const MOST: u32 = 9_999;

/// How a notification should come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum PushUrgency {
    /// With sound, through a focus mode where the person allowed it.
    Urgent,
    /// As the person's settings say.
    Normal,
}

/// The language of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum PushLanguage {
    /// French.
    French,
    /// English.
    English,
}

/// What a notification shows.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PushText {
    /// The name of the app.
    pub title: String,
    /// A generic sentence: never a word of what was written or about whom.
    pub body: String,
    /// How it should come.
    pub urgency: PushUrgency,
    /// What the app's badge shows; nothing leaves it as it is.
    pub badge: Option<u32>,
    /// Id of the thread to open when it is tapped, 32 hexadecimal digits.
    pub thread: Option<String>,
}

/// As the server sends it. Whatever else is in there is not looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    urgent: bool,
    badge: Option<u32>,
    thread: Option<String>,
}

/// What to show for a push, from the payload alone. A payload that cannot
/// be read, is too long or not ours gives the generic text; this never fails.
#[uniffi::export]
pub fn describe_push(payload: Vec<u8>, language: PushLanguage) -> PushText {
    let short = (payload.len() <= LONGEST).then_some(payload);
    let payload: Payload = short
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let body = match (language, payload.urgent) {
        (PushLanguage::French, false) => "Nouveau message",
        (PushLanguage::French, true) => "Message urgent",
        (PushLanguage::English, false) => "New message",
        (PushLanguage::English, true) => "Urgent message",
    };
    PushText {
        title: "Relais".to_owned(),
        body: body.to_owned(),
        urgency: match payload.urgent {
            true => PushUrgency::Urgent,
            false => PushUrgency::Normal,
        },
        badge: payload.badge.map(|badge| badge.min(MOST)),
        thread: payload.thread.filter(is_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn french(payload: &[u8]) -> PushText {
        describe_push(payload.to_vec(), PushLanguage::French)
    }

    #[test]
    fn a_push_is_described_by_what_it_says() {
        let thread = "0123456789abcdef0123456789abcdef";
        let payload = format!(r#"{{"urgent":true,"badge":3,"thread":"{thread}","v":1}}"#);
        let text = french(payload.as_bytes());
        assert_eq!(
            (text.title.as_str(), text.body.as_str()),
            ("Relais", "Message urgent")
        );
        assert_eq!((text.urgency, text.badge), (PushUrgency::Urgent, Some(3)));
        assert_eq!(text.thread.as_deref(), Some(thread));
        let english = describe_push(b"{}".to_vec(), PushLanguage::English);
        assert_eq!(english.body, "New message");
    }

    #[test]
    fn a_hostile_push_gives_the_generic_text() {
        let generic = french(b"{}");
        let nested = [b"[".repeat(2_000), b"]".repeat(2_000)].concat();
        let long = format!(r#"{{"urgent":true,"x":"{}"}}"#, "y".repeat(LONGEST));
        let huge = br#"{"badge":99999999999999999999}"#;
        for hostile in [
            b"".as_slice(),
            b"\xff\xfe",
            b"null",
            b"\"Mme Durand\"",
            b"{\"urgent\":\"yes\"}",
            br#"{"body":"Mme Durand","title":"<b>"}"#,
            br#"{"thread":"../../Mme Durand"}"#,
            br#"{"urgent":true"#,
            &nested,
            long.as_bytes(),
            huge,
        ] {
            assert_eq!(
                french(hostile),
                generic,
                "{}",
                String::from_utf8_lossy(hostile)
            );
        }
        assert_eq!(french(br#"{"badge":4000000000}"#).badge, Some(MOST));
    }
}
