//! What the one who adds somebody chooses to share of the past.

use relais_content::v1::{HistoryKind, MembershipNote};

/// How much of a thread's past a newcomer gets. Everybody sees it in the thread: it is
/// part of the newcomer's membership note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryChoice {
    /// Nothing but what is said again to every newcomer: the opening and the header.
    #[default]
    None,
    /// Everything since this server time, milliseconds since the Unix epoch.
    Since(u64),
    /// The circle, open work and the latest messages.
    Summary,
    /// Everything.
    All,
}

impl HistoryChoice {
    pub(crate) fn kind(self) -> HistoryKind {
        match self {
            Self::None => HistoryKind::None,
            Self::Since(_) => HistoryKind::Since,
            Self::Summary => HistoryKind::Summary,
            Self::All => HistoryKind::All,
        }
    }

    pub(crate) fn since_ms(self) -> u64 {
        match self {
            Self::Since(since_ms) => since_ms,
            _ => 0,
        }
    }

    /// What a note promises.
    pub fn of_note(note: &MembershipNote) -> Self {
        match note.history() {
            HistoryKind::Since => Self::Since(note.history_since_ms),
            HistoryKind::Summary => Self::Summary,
            HistoryKind::All => Self::All,
            _ => Self::None,
        }
    }
}
