//! The calls of [`crate::Relais`] by name, for a caller that sends them as messages; and
//! what TypeScript must know of them.
//!
//! One table: [`crate::for_each_call`] hands it to a macro of the caller's. `relais-web` makes its
//! dispatch of it, [`typescript`] the types of the page.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use ts_rs::{Config, TS, TypeVisitor};

pub use crate::calls::photos::PhotoProgress;
pub use crate::error::RelaisError;
pub use crate::events::RelaisEvent;
pub use crate::records::assessment::*;
pub use crate::records::cockpit::*;
pub use crate::records::content::*;
pub use crate::records::header::*;
pub use crate::records::people::*;
pub use crate::records::recovery::*;
pub use crate::records::search::*;
pub use crate::records::state::*;
pub use crate::records::tasks::*;
pub use crate::records::threads::*;
pub use crate::records::timeline::*;
pub use crate::records::to_do::*;
pub use crate::records::wounds::*;

/// Bytes as one array of JavaScript, where a `Vec<u8>` would be a list of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(type = "Uint8Array")]
pub struct Bytes(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

/// Hands `name(arguments) -> answer;` of every call to a macro.
#[macro_export]
macro_rules! for_each_call {
    ($with:ident) => {
        $with! {
            // Whether all is well.
            sync_state() -> SyncState;
            troubles() -> Vec<Trouble>;
            // From a link to a device that can be used.
            join(link: String, card: Option<Card>) -> ();
            join_by_scan(server_url: String) -> String;
            link_request() -> Option<String>;
            confirm_link(code: String) -> ();
            enrolment() -> Enrolment;
            whoami() -> WhoAmI;
            return_device() -> ();
            // People.
            people() -> Vec<Person>;
            invite(card: Card) -> Invitation;
            invite_again(person: String, lost: Vec<String>) -> Invitation;
            withdraw_invitation(person: String) -> ();
            invitations() -> Vec<Invitation>;
            revoke_person(person: String) -> ();
            safety_code(person: String) -> SafetyCode;
            verify_safety_code(person: String, presented: Bytes) -> SafetyCheck;
            mark_verified(person: String) -> ();
            // Devices.
            link_device() -> DeviceLink;
            accept_device(request: String) -> String;
            revoke_device(device: String) -> ();
            // The practice's root key.
            recovery_status() -> RecoveryStatus;
            make_recovery_kit(access: RootAccess, passphrase: String) -> String;
            make_recovery_shares(access: RootAccess, needed: u8, of: u8) -> Vec<String>;
            confirm_recovery(access: RootAccess) -> ();
            forget_root() -> ();
            replace_root(access: RootAccess, passphrase: String) -> String;
            propose_root_replacement(passphrase: String) -> ProposedRoot;
            root_proposals() -> Vec<RootProposal>;
            approve_root_replacement(proposal: String) -> ();
            appoint_coordinator(person: String, access: RootAccess) -> ();
            end_coordinator(person: String, access: RootAccess) -> ();
            // Threads.
            threads() -> Vec<ThreadSummary>;
            thread(thread: String) -> ThreadSummary;
            create_thread(new: NewThread) -> String;
            timeline_before(thread: String, before_seq: Option<u64>, limit: u32) -> TimelinePage;
            timeline_after(thread: String, after_seq: u64, limit: u32) -> Vec<TimelineItem>;
            send_message(thread: String, text: String, priority: Priority, reply_to: Option<String>) -> String;
            mark_read(thread: String, seq: u64) -> ();
            patient_header(thread: String) -> Option<HeaderVersion>;
            set_patient_header(thread: String, header: PatientHeader) -> String;
            past(thread: String) -> ThreadPast;
            ask_past_again(thread: String) -> u32;
            rejoin_thread(thread: String) -> ();
            reboot_thread(thread: String) -> ();
            // The circle.
            members(thread: String) -> Vec<Member>;
            add_member(thread: String, member: NewMember) -> ();
            remove_member(thread: String, person: String) -> ();
            share_past(thread: String, person: String, past: PastShared) -> ();
            accept_circle(thread: String) -> ();
            // Across threads.
            to_do(limit: u32) -> ToDo;
            open_tasks() -> Vec<PlacedTask>;
            cockpit() -> Cockpit;
            take_message(thread: String, event: String) -> String;
            search(text: String, thread: Option<String>, after: Option<String>, limit: u32) -> SearchPage;
            timeline_around(thread: String, at: TimelineAt, limit: u32) -> TimelineWindow;
            // Tasks, handovers.
            tasks(thread: String) -> Vec<CareTask>;
            create_task(thread: String, new: NewTask) -> String;
            change_task(thread: String, task: String, change: TaskChange, reason: String) -> String;
            handovers(thread: String) -> Vec<Handover>;
            write_handover(thread: String, note: HandoverNote) -> String;
            acknowledge_handover(thread: String, handover: String, synthesis: String) -> String;
            failed_acts() -> Vec<FailedAct>;
            retry(number: i64) -> ();
            discard(number: i64) -> ();
            // Wounds.
            wounds(thread: String) -> Vec<Wound>;
            wound(thread: String, wound: String) -> WoundSeries;
            open_wound(thread: String, new: NewWound) -> String;
            assess_wound(thread: String, wound: String, found: Assessment) -> String;
            change_wound(thread: String, wound: String, change: WoundChange, reason: String) -> String;
            // Photos.
            send_photo(thread: String, photo: Bytes, caption: String, body_site: String, laterality: Option<Laterality>, wound: Option<String>) -> String;
            photo_progress(photo: String) -> PhotoProgress;
            photo(photo: String) -> Bytes;
            // What the app keeps.
            setting(name: String) -> Option<String>;
            set_setting(name: String, value: Option<String>) -> ();
        }
    };
}

/// Declarations of types that were met on the way, by name.
struct Declared<'a> {
    config: &'a Config,
    seen: HashSet<TypeId>,
    texts: BTreeMap<String, String>,
}

impl TypeVisitor for Declared<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            let text = format!("export {}\n", T::decl(self.config));
            self.texts.insert(name, text);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// A name as TypeScript writes it.
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

macro_rules! declare {
    ($($name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)*) => {
        /// The types of the page: every record, and the calls with what they take and answer.
        pub fn typescript() -> String {
            let config = Config::new().with_large_int("number");
            let mut declared = Declared { config: &config, seen: HashSet::new(), texts: BTreeMap::new() };
            let mut calls = String::new();
            declared.visit::<RelaisError>();
            declared.visit::<RelaisEvent>();
            $(
                $(declared.visit::<$of>();)*
                declared.visit::<$answer>();
                let args: &[String] = &[$(format!(
                    "{}: {}", camel_case(stringify!($arg)), <$of as TS>::name(&config)
                ),)*];
                let args = match args.is_empty() {
                    true => "Record<string, never>".to_owned(),
                    false => format!("{{ {} }}", args.join("; ")),
                };
                let answer = match <$answer as TS>::name(&config) {
                    name if name == "null" => "void".to_owned(),
                    name => name,
                };
                let _ = writeln!(
                    calls, "  {}: {{ args: {args}; result: {answer} }};", camel_case(stringify!($name))
                );
            )*
            let mut text = "// Made by `cargo run -p relais-web --bin relais-web-types`: what crosses between page and core.\n\n".to_owned();
            for declaration in declared.texts.values() {
                text.push_str(declaration);
            }
            let _ = write!(text, "\n/** Every call: what it takes, what it answers. */\nexport interface Calls {{\n{calls}}}\n");
            text
        }
    };
}

for_each_call!(declare);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_can_make_every_call_that_a_phone_can() {
        let kotlin = include_str!("../kotlin/api.txt");
        // What a phone does with its own driver.
        let phones = [
            "networkChanged",
            "shutdownAndClose",
            "waitUntilSynced",
            "open",
        ];
        let types = typescript();
        let mut missing = Vec::new();
        for line in kotlin.lines().filter(|line| line.contains("suspend fun ")) {
            let name = line
                .split("suspend fun ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            let name = name.expect("a name");
            if !phones.contains(&name) && !types.contains(&format!("  {name}: {{ args")) {
                missing.push(name.to_owned());
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn names_are_those_of_typescript() {
        assert_eq!(camel_case("join_by_scan"), "joinByScan");
        assert_eq!(camel_case("join"), "join");
    }
}
