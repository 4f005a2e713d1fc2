//! The bytes of the wire and of the logs, so that a change of them shows in the
//! diff of `snapshots/wire.txt`. Devices and servers of different versions meet,
//! and logs are kept for decades: a change here needs a new version, not a new
//! snapshot.
//!
//! Keys and ids are fixed; key `n` is the one with the seed `n` 32 times.

use ed25519_dalek::SigningKey;
use prost::Message;
use prost::bytes::Bytes;
use relais_wire::chain::{GENESIS, channel_entry, structure_entry};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId, StructureId};
use relais_wire::label::{Label, hash, sign};
use relais_wire::link::{Link, LinkKind};
use relais_wire::mls;
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::structure::{Structure, root_fingerprint, sign_statement};
use relais_wire::v1::client_frame::Frame;
use relais_wire::v1::{
    CardPublished, ChannelEntry, ChannelRole, ClientFrame, CommitAad, CoordinatorCertified,
    CoordinatorRevoked, DeviceAdded, DeviceInvited, DeviceLinked, DeviceRevoked,
    DirectoryKeyReplaced, EnrolmentConfirmed, EntryKind, Hello, HelloBody, InvitationIssued,
    InvitationWithdrawn, LeafCredential, LogHead, MessageAad, ProfessionalEnrolled,
    ProfessionalRevoked, RefusalCode, RootReplaced, SealingKeyReplaced, StatementKind,
    StructureCreated, StructureEntry, StructureRole,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/wire.txt");
const NOW: u64 = 1_772_323_200_000;
const STRUCTURE: StructureId = StructureId([1; 16]);
const CHANNEL: ChannelId = ChannelId([5; 16]);

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> Bytes {
    key(n).verifying_key().to_bytes().to_vec().into()
}

fn person(n: u8) -> ProfessionalId {
    ProfessionalId([n; 16])
}

fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

fn some(byte: u8, len: usize) -> Bytes {
    vec![byte; len].into()
}

/// A log with every kind of statement: root 9, coordinator 10 with device 20,
/// nurse 11 with device 21 and enrolment key 111.
fn statements() -> Vec<(&'static str, Vec<u8>)> {
    let id = STRUCTURE.to_bytes();
    let (root, coordinator, nurse, link) = (key(9), key(10), key(11), key(111));
    let created = StructureCreated {
        structure_id: id.clone(),
        root_key: public(9),
        ciphersuite: mls::SUITE_XWING.into(),
    };
    let certified = CoordinatorCertified {
        structure_id: id.clone(),
        professional_id: person(10).to_bytes(),
        professional_key: public(10),
    };
    let added = |who: u8, phone: u8| DeviceAdded {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        device_id: device(phone).to_bytes(),
        device_key: public(phone),
        sealing_key: some(phone, 32),
    };
    let invited = |link: u8, who: u8| InvitationIssued {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: public(link),
        professional_id: person(who).to_bytes(),
        role: StructureRole::Professional.into(),
        expires_at_ms: NOW + 3_600_000,
        issuer: person(10).to_bytes(),
        remaining_devices: Vec::new(),
    };
    let again = InvitationIssued {
        remaining_devices: vec![device(31).to_bytes()],
        ..invited(114, 11)
    };
    let enrolled = ProfessionalEnrolled {
        structure_id: id.clone(),
        enrolment_key: public(111),
        professional_id: person(11).to_bytes(),
        professional_key: public(11),
    };
    let confirmed = EnrolmentConfirmed {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        professional_key: public(11),
        coordinator: person(10).to_bytes(),
    };
    let card = CardPublished {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        directory_version: 1,
        ciphertext: some(6, 24),
        device_id: device(20).to_bytes(),
        replaces_seq: 0,
    };
    let directory = DirectoryKeyReplaced {
        structure_id: id.clone(),
        version: 1,
        key_hash: some(7, 32),
        device_id: device(20).to_bytes(),
    };
    let tablet = DeviceInvited {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        enrolment_key: public(113),
        expires_at_ms: NOW + 60_000,
    };
    let linked = DeviceLinked {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        device_id: device(31).to_bytes(),
        device_key: public(31),
        sealing_key: some(31, 32),
        enrolment_key: public(113),
    };
    let sealing = SealingKeyReplaced {
        structure_id: id.clone(),
        device_id: device(31).to_bytes(),
        sealing_key: some(32, 32),
        version: 2,
    };
    let released = CoordinatorRevoked {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        professional_key: public(11),
    };
    let departed = ProfessionalRevoked {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        professional_key: public(11),
        signer: person(10).to_bytes(),
    };
    let withdrawn = InvitationWithdrawn {
        structure_id: id.clone(),
        enrolment_key: public(112),
        coordinator: person(10).to_bytes(),
    };
    let appointed = CoordinatorCertified {
        structure_id: id.clone(),
        professional_id: person(11).to_bytes(),
        professional_key: public(11),
    };
    let replaced = RootReplaced {
        structure_id: id.clone(),
        root_key: public(8),
        replaces: public(9),
        coordinators: Vec::new(),
        expires_at_ms: NOW + 3_600_000,
    };
    let revoked = DeviceRevoked {
        structure_id: id,
        device_id: device(21).to_bytes(),
        signer: person(10).to_bytes(),
    };
    use StatementKind as Kind;
    vec![
        (
            "structure created",
            sign_statement(Kind::StructureCreated, &created, &[&root]),
        ),
        (
            "coordinator certified",
            sign_statement(
                Kind::CoordinatorCertified,
                &certified,
                &[&root, &coordinator],
            ),
        ),
        (
            "device added",
            sign_statement(Kind::DeviceAdded, &added(10, 20), &[&coordinator, &key(20)]),
        ),
        (
            "invitation issued",
            sign_statement(Kind::InvitationIssued, &invited(111, 11), &[&coordinator]),
        ),
        (
            "professional enrolled",
            sign_statement(Kind::ProfessionalEnrolled, &enrolled, &[&link, &nurse]),
        ),
        (
            "device added to the nurse",
            sign_statement(Kind::DeviceAdded, &added(11, 21), &[&nurse, &key(21)]),
        ),
        (
            "enrolment confirmed",
            sign_statement(Kind::EnrolmentConfirmed, &confirmed, &[&coordinator]),
        ),
        (
            "directory key replaced",
            sign_statement(Kind::DirectoryKeyReplaced, &directory, &[&key(20)]),
        ),
        (
            "card published",
            sign_statement(Kind::CardPublished, &card, &[&key(20)]),
        ),
        (
            "second invitation",
            sign_statement(Kind::InvitationIssued, &invited(112, 12), &[&coordinator]),
        ),
        (
            "invitation withdrawn",
            sign_statement(Kind::InvitationWithdrawn, &withdrawn, &[&coordinator]),
        ),
        (
            "nurse appointed",
            sign_statement(Kind::CoordinatorCertified, &appointed, &[&root]),
        ),
        (
            "root replaced",
            sign_statement(Kind::RootReplaced, &replaced, &[&key(8), &root]),
        ),
        (
            "device revoked",
            sign_statement(Kind::DeviceRevoked, &revoked, &[&coordinator]),
        ),
        (
            "device invited",
            sign_statement(Kind::DeviceInvited, &tablet, &[&nurse]),
        ),
        (
            "device linked",
            sign_statement(Kind::DeviceLinked, &linked, &[&key(113), &key(31)]),
        ),
        (
            "sealing key replaced",
            sign_statement(Kind::SealingKeyReplaced, &sealing, &[&key(31)]),
        ),
        (
            "coordinator revoked",
            sign_statement(Kind::CoordinatorRevoked, &released, &[&key(8)]),
        ),
        (
            "re-invitation",
            sign_statement(Kind::InvitationIssued, &again, &[&coordinator]),
        ),
        (
            "professional revoked",
            sign_statement(Kind::ProfessionalRevoked, &departed, &[&coordinator]),
        ),
    ]
}

fn hello() -> Vec<u8> {
    let body = HelloBody {
        nonce: some(1, 32),
        structure_id: STRUCTURE.to_bytes(),
        device_id: device(21).to_bytes(),
        protocol_version: 1,
        client_version: 1,
        lease: some(2, 16),
        previous_lease: some(3, 16),
        send_counter: 77,
        receipt: Default::default(),
    }
    .encode_to_vec();
    let hello = Hello {
        signature: sign(&key(21), Label::Hello, &body),
        body: body.into(),
    };
    ClientFrame {
        frame: Some(Frame::Hello(hello)),
    }
    .encode_to_vec()
}

fn link(kind: LinkKind, root_fingerprint: [u8; 16]) -> String {
    Link {
        server_url: "https://cabinet.example".into(),
        kind,
        structure: STRUCTURE,
        seed: [2; 32],
        root_fingerprint,
    }
    .to_string()
}

/// Every snapshot, a name and its value a line.
fn snapshots() -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut note = |name: &str, value: String| lines.push((name.into(), value));

    let mut structure = Structure::new();
    for (name, statement) in statements() {
        let name = format!("statement: {name}");
        note(&name, hex::encode(&statement));
        structure.append(statement.into(), NOW).expect(&name);
        note("  head after it", hex::encode(structure.head().hash));
    }
    let root: [u8; 32] = *structure.root_key();
    note("root fingerprint", hex::encode(root_fingerprint(&root)));
    note("link: set-up", link(LinkKind::SetUp, [0; 16]));
    note(
        "link: invitation",
        link(LinkKind::Invitation, root_fingerprint(&root)),
    );

    let head = LogHead {
        seq: 300,
        hash: some(7, 32),
    };
    note("frame: hello", hex::encode(hello()));
    let message = MessageAad {
        event_id: some(1, 16),
        event_counter: 12,
        signed_event_hash: some(2, 32),
        blob_ids: vec![some(3, 16), some(4, 16)],
        send_counter: 78,
        said_again: false,
    };
    note(
        "authenticated data: message",
        hex::encode(message.encode_to_vec()),
    );
    let commit = CommitAad {
        structure_head: Some(head),
        send_counter: 78,
    };
    note(
        "authenticated data: commit",
        hex::encode(commit.encode_to_vec()),
    );

    let credential = LeafCredential {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(11).to_bytes(),
        device_id: device(21).to_bytes(),
        device_key: public(21),
    };
    let content = credential.encode_to_vec();
    let device_key: [u8; 32] = public(21).as_ref().try_into().expect("32 bytes");
    let made = mls::credential(STRUCTURE, person(11), device(21), &device_key);
    assert_eq!(made.serialized_content(), content);
    note("leaf credential", hex::encode(content));

    let member = |role, expires_at_ms| Member {
        role,
        expires_at_ms,
    };
    let members = [
        (person(10), member(ChannelRole::Manager, None)),
        (person(11), member(ChannelRole::Contributor, Some(NOW))),
        (person(12), member(ChannelRole::Reader, None)),
    ]
    .into();
    let first = sign_roster(CHANNEL, None, &members, 1, device(20), &key(20));
    note("roster: first", hex::encode(first.encode_to_vec()));
    let first = CheckedRoster::read(&first).expect("a roster");
    note("  hash of it", hex::encode(first.hash));
    let second = sign_roster(CHANNEL, Some(&first), &members, 1, device(20), &key(20));
    note("roster: second", hex::encode(second.encode_to_vec()));

    let entry = StructureEntry {
        seq: 1,
        time_ms: NOW,
        statement: some(8, 20),
        seal: Default::default(),
    };
    note(
        "chain: structure",
        hex::encode(structure_entry(&GENESIS, &entry)),
    );
    let entry = ChannelEntry {
        channel_id: CHANNEL.to_bytes(),
        seq: 12,
        time_ms: NOW,
        device_id: device(21).to_bytes(),
        kind: EntryKind::Message.into(),
        incarnation: 1,
        epoch: 9,
        payload: some(8, 20),
        ..ChannelEntry::default()
    };
    note("entry: channel", hex::encode(entry.encode_to_vec()));
    note(
        "chain: channel",
        hex::encode(channel_entry(&GENESIS, &entry)),
    );
    note(
        "hash of two parts",
        hex::encode(hash(Label::SignedEventHash, &[b"one", b"two"])),
    );

    note("suites", format!("{:04x?}", mls::SUITES));
    note("credential type", format!("{:04x}", mls::CREDENTIAL_TYPE));
    note("roster extension", format!("{:04x}", mls::ROSTER_EXTENSION));
    note("padding", mls::PADDING.to_string());
    note(
        "protocol version",
        relais_wire::PROTOCOL_VERSION.to_string(),
    );
    for label in Label::ALL {
        note(&format!("label: {label:?}"), label.text().into());
    }
    for number in 0.. {
        let Ok(code) = RefusalCode::try_from(number) else {
            break;
        };
        note(&format!("refusal {number}"), code.as_str_name().into());
    }
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name}\n    {value}\n"));
    lines.collect()
}

#[test]
fn a_device_of_last_year_still_understands_these_bytes() {
    let actual = snapshots();
    if std::env::var_os("RELAIS_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(FILE, &actual).expect("writes the snapshots");
    }
    let expected = std::fs::read_to_string(FILE).expect("the snapshots");
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert_eq!(
            actual, expected,
            "RELAIS_WRITE_SNAPSHOTS=1 writes the file anew"
        );
    }
    assert_eq!(actual.lines().count(), expected.lines().count());
}

#[test]
fn a_server_that_alters_an_entry_breaks_the_chain() {
    let entry = ChannelEntry {
        channel_id: CHANNEL.to_bytes(),
        seq: 12,
        time_ms: NOW,
        device_id: device(21).to_bytes(),
        kind: EntryKind::Message.into(),
        incarnation: 1,
        epoch: 9,
        payload: some(8, 20),
        ..ChannelEntry::default()
    };
    let changes: [fn(&mut ChannelEntry); 10] = [
        |_| (),
        |e| e.channel_id = some(6, 16),
        |e| e.seq += 1,
        |e| e.time_ms += 1,
        |e| e.device_id = some(6, 16),
        |e| e.kind = EntryKind::Commit.into(),
        |e| e.incarnation += 1,
        |e| e.epoch += 1,
        |e| e.payload = some(8, 21),
        // Moves a byte from one field to the next.
        |e| {
            e.channel_id = some(5, 15);
            e.device_id = some(21, 17);
        },
    ];
    let mut hashes = vec![channel_entry(&[1; 32], &entry)];
    for change in changes {
        let mut altered = entry.clone();
        change(&mut altered);
        hashes.push(channel_entry(&GENESIS, &altered));
    }
    let all = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}
