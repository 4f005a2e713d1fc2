//! What crosses, as plain values: the records of the core's queries and commands.

pub mod assessment;
pub mod cockpit;
pub mod content;
pub mod header;
pub mod people;
pub mod recovery;
pub mod search;
pub mod state;
pub mod tasks;
pub mod threads;
pub mod timeline;
pub mod to_do;
pub mod wounds;

use relais_core::wire::ids::{
    BlobId, ChannelId, DeviceId, EventId, ProfessionalId, TaskId, WoundId,
};

use crate::error::RelaisError;

/// An id as an app passes it.
pub(crate) trait Id: Sized {
    /// Reads 32 hexadecimal digits.
    fn read(text: &str) -> Option<Self>;

    /// # Errors
    /// `Rejected` naming the field.
    fn parse(text: &str, field: &str) -> Result<Self, RelaisError> {
        Self::read(text).ok_or_else(|| RelaisError::invalid(field))
    }
}

macro_rules! ids {
    ($($id:ident)*) => {
        $(impl Id for $id {
            fn read(text: &str) -> Option<Self> {
                Self::from_hex(text)
            }
        })*
    };
}

ids!(BlobId ChannelId DeviceId EventId ProfessionalId TaskId WoundId);

/// Bytes of an id as the schema has them; nothing for none.
pub(crate) fn optional_id<I>(bytes: &[u8]) -> Option<String>
where
    I: for<'a> TryFrom<&'a [u8]> + std::fmt::Display,
{
    I::try_from(bytes).ok().map(|id| id.to_string())
}

/// A time as the schema has it, where 0 means none.
pub(crate) fn optional_ms(ms: u64) -> Option<u64> {
    (ms != 0).then_some(ms)
}
