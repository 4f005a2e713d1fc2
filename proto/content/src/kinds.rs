//! Kinds of content: number, name, where each is permitted and who may send it
//! (requirement M11). One table; who has which role in a channel is decided by
//! the roster, in `relais-wire`.

use crate::v1::content::Kind;
use crate::v1::{ChannelKind, Content};

/// One row: a kind of content and what the rules say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Field number in `Content`.
    pub number: u32,
    /// Field name in `Content`.
    pub name: &'static str,
    /// Permitted in a thread's main channel.
    pub main: bool,
    /// Permitted in a restricted compartment.
    pub compartment: bool,
    /// Needs the right to write; a reader may send the others.
    pub needs_write: bool,
}

const fn row(
    number: u32,
    name: &'static str,
    main: bool,
    compartment: bool,
    needs_write: bool,
) -> Row {
    Row {
        number,
        name,
        main,
        compartment,
        needs_write,
    }
}

/// Channel kind × content kind. The patient header lives in the main channel
/// only: two headers could contradict one another.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                              main   compartment  needs write
    row(1,  "thread_opened",         true,  true,        true),
    row(2,  "patient_header",        true,  false,       true),
    row(3,  "membership_note",       true,  true,        true),
    row(4,  "message",               true,  true,        true),
    row(5,  "photo",                 true,  true,        true),
    row(6,  "task_created",          true,  true,        true),
    row(7,  "task_changed",          true,  true,        true),
    row(8,  "handover_note",         true,  true,        true),
    row(9,  "handover_acknowledged", true,  true,        false),
    row(10, "read_marker",           true,  true,        false),
    row(11, "void",                  true,  true,        false),
    row(12, "history_shared",        true,  true,        false),
    row(13, "recovered",             true,  true,        false),
    row(14, "wound_opened",          true,  true,        true),
    row(15, "wound_assessed",        true,  true,        true),
    row(16, "wound_changed",         true,  true,        true),
];

fn find(kind: u32) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.number == kind)
}

/// The field number of the kind; 0 when there is none.
pub fn kind_number(content: &Content) -> u32 {
    match &content.kind {
        None => 0,
        Some(Kind::ThreadOpened(_)) => 1,
        Some(Kind::PatientHeader(_)) => 2,
        Some(Kind::MembershipNote(_)) => 3,
        Some(Kind::Message(_)) => 4,
        Some(Kind::Photo(_)) => 5,
        Some(Kind::TaskCreated(_)) => 6,
        Some(Kind::TaskChanged(_)) => 7,
        Some(Kind::HandoverNote(_)) => 8,
        Some(Kind::HandoverAcknowledged(_)) => 9,
        Some(Kind::ReadMarker(_)) => 10,
        Some(Kind::Void(_)) => 11,
        Some(Kind::HistoryShared(_)) => 12,
        Some(Kind::Recovered(_)) => 13,
        Some(Kind::WoundOpened(_)) => 14,
        Some(Kind::WoundAssessed(_)) => 15,
        Some(Kind::WoundChanged(_)) => 16,
    }
}

/// The field name of a kind; `unknown` for a number outside the table.
pub fn kind_name(kind: u32) -> &'static str {
    find(kind).map_or("unknown", |row| row.name)
}

/// Whether a channel of this kind carries this kind of content. An unknown kind
/// or channel carries nothing. See [`permitted_content`] for whole values.
pub fn permitted(channel: ChannelKind, kind: u32) -> bool {
    find(kind).is_some_and(|row| match channel {
        ChannelKind::Unspecified => false,
        ChannelKind::Main => row.main,
        ChannelKind::Compartment => row.compartment,
    })
}

/// [`permitted`], and an opening must name the kind of the channel it is in: a
/// compartment never passes for a main channel, nor the reverse.
pub fn permitted_content(channel: ChannelKind, content: &Content) -> bool {
    let opens_as_itself = match &content.kind {
        Some(Kind::ThreadOpened(opened)) => {
            ChannelKind::try_from(opened.channel_kind) == Ok(channel)
        }
        _ => true,
    };
    permitted(channel, kind_number(content)) && opens_as_itself
}

/// Whether sending needs the right to write. `true` for unknown kinds: a right
/// is never given by default (requirement W7).
pub fn needs_write(kind: u32) -> bool {
    find(kind).is_none_or(|row| row.needs_write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::samples;
    use prost::Message as _;

    const CHANNELS: [ChannelKind; 3] = [
        ChannelKind::Unspecified,
        ChannelKind::Main,
        ChannelKind::Compartment,
    ];

    // proves: M11
    #[test]
    fn every_pair_of_channel_and_content_is_allowed_or_refused() {
        for channel in CHANNELS {
            let carried: Vec<u32> = (0..64).filter(|kind| permitted(channel, *kind)).collect();
            let expected: &[u32] = match channel {
                ChannelKind::Unspecified => &[],
                ChannelKind::Main => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
                ChannelKind::Compartment => &[1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
            };
            assert_eq!(carried, expected, "{channel:?}");
            assert!(!permitted(channel, u32::MAX));
        }
    }

    // proves: M11
    #[test]
    fn a_compartment_never_passes_for_a_main_channel() {
        let mut opened = samples::thread_opened();
        for named in CHANNELS {
            opened.channel_kind = named.into();
            let content = samples::content(Kind::ThreadOpened(opened.clone()));
            for channel in CHANNELS {
                let itself = named == channel && channel != ChannelKind::Unspecified;
                assert_eq!(permitted_content(channel, &content), itself);
            }
        }
        let header = samples::content(Kind::PatientHeader(samples::patient_header()));
        assert!(permitted_content(ChannelKind::Main, &header));
        assert!(!permitted_content(ChannelKind::Compartment, &header));
        assert!(!permitted_content(
            ChannelKind::Main,
            &Content { kind: None }
        ));
    }

    // proves: M11
    #[test]
    fn the_table_numbers_kinds_as_the_schema_does() {
        let all = samples::all();
        assert_eq!(all.len(), TABLE.len());
        for (content, row) in all.iter().zip(TABLE) {
            let encoded = content.encode_to_vec();
            let tag = prost::encoding::decode_varint(&mut encoded.as_slice()).expect("a tag");
            assert_eq!(tag >> 3, u64::from(row.number));
            assert_eq!(kind_number(content), row.number);
            assert_eq!(kind_name(row.number), row.name);
        }
        assert_eq!(kind_number(&Content { kind: None }), 0);
        assert_eq!(kind_name(0), "unknown");
    }

    #[test]
    fn a_reader_may_only_acknowledge_mark_void_answer_requests_and_recover() {
        let reader: Vec<&str> = (0..64)
            .filter(|kind| !needs_write(*kind))
            .map(kind_name)
            .collect();
        let allowed = [
            "handover_acknowledged",
            "read_marker",
            "void",
            "history_shared",
            "recovered",
        ];
        assert_eq!(reader, allowed);
    }
}
