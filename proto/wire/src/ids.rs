//! Opaque identifiers: 16 random bytes, one type for each kind of thing so that
//! a channel is never taken for a device (requirement M11).

use std::fmt;

/// An identifier has another length than 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier of {0} bytes instead of 16")]
pub struct IdLength(pub usize);

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The bytes as a protobuf field.
            pub fn to_bytes(self) -> prost::bytes::Bytes {
                prost::bytes::Bytes::copy_from_slice(&self.0)
            }

            /// Reads 32 hexadecimal digits.
            pub fn from_hex(text: &str) -> Option<Self> {
                hex::decode(text).ok()?.try_into().ok().map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdLength;
            fn try_from(bytes: &[u8]) -> Result<Self, IdLength> {
                bytes.try_into().map(Self).map_err(|_| IdLength(bytes.len()))
            }
        }

        impl TryFrom<&prost::bytes::Bytes> for $name {
            type Error = IdLength;
            fn try_from(bytes: &prost::bytes::Bytes) -> Result<Self, IdLength> {
                Self::try_from(bytes.as_ref())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(self.0))
            }
        }
    )*};
}

identifiers! {
    /// One practice.
    StructureId;
    /// A person of the structure; survives every key and device of theirs.
    ProfessionalId;
    /// One device of a professional; retired for good when lost.
    DeviceId;
    /// The server's object: one log, one sequence.
    ChannelId;
    /// One signed act of one author.
    EventId;
    /// An encrypted blob, named by its sender before upload.
    BlobId;
    /// What people see: an encrypted grouping of channels.
    ThreadId;
    /// A task inside a thread.
    TaskId;
    /// A wound inside a thread.
    WoundId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_length_is_refused() {
        assert_eq!(DeviceId::try_from(&[1u8; 15][..]), Err(IdLength(15)));
        assert_eq!(DeviceId::try_from(&[1u8; 17][..]), Err(IdLength(17)));
        let id = DeviceId([7; 16]);
        assert_eq!(DeviceId::try_from(id.as_ref()), Ok(id));
        assert_eq!(DeviceId::from_hex(&id.to_string()), Some(id));
    }
}
