//! An application message: its frame and authenticated data are checked, its
//! content cannot be.

use openmls::prelude::{ContentType, MlsMessageBodyIn, ProtocolMessage};
use prost::Message;
use relais_wire::ids::{BlobId, ChannelId, EventId};
use relais_wire::roster::Operation;
use relais_wire::v1::{AppendMessage, MessageAad};
use relais_wire::{RefusalCode, limits};

use super::Channels;
use super::public_group::{group_id, read_message};
use crate::error::Refused;
use crate::operations::Caller;
use crate::store::{NewMessage, Store};

/// Blobs that one message may name: a wound's series of photos and their originals.
const BLOBS: usize = 32;

/// Checks a message against the roster of its epoch.
pub async fn check_message(
    channels: &Channels,
    store: &dyn Store,
    caller: &Caller,
    send_counter: u64,
    request: AppendMessage,
    now_ms: u64,
) -> Result<NewMessage, Refused> {
    let channel = ChannelId::try_from(&request.channel_id)?;
    let aad = read_aad(channel, &request, send_counter)?;
    let known = channels
        .known(store, channel, request.incarnation, request.epoch)
        .await?
        .ok_or(RefusalCode::NotFound)?;
    let roster = &known.roster;
    // The content decides between writing and acknowledging, and only members can
    // read it: the server asks for the lesser right, every client for the exact one.
    roster
        .may(&caller.professional, Operation::Acknowledge, now_ms)
        .map_err(|_| RefusalCode::Forbidden)?;
    if (known.incarnation, known.epoch) != (request.incarnation, request.epoch) {
        return Err(RefusalCode::WrongEpoch.into());
    }
    let member = roster.members.get(&caller.professional);
    Ok(NewMessage {
        channel,
        incarnation: request.incarnation,
        epoch: request.epoch,
        payload: request.message,
        event_counter: aad.event_counter,
        event_id: EventId::try_from(&aad.event_id)?,
        blobs: aad
            .blob_ids
            .iter()
            .map(BlobId::try_from)
            .collect::<Result<_, _>>()?,
        member_until_ms: member.and_then(|m| m.expires_at_ms),
    })
}

fn read_aad(
    channel: ChannelId,
    request: &AppendMessage,
    send_counter: u64,
) -> Result<MessageAad, Refused> {
    if request.message.len() > limits::MESSAGE_BYTES {
        return Err(RefusalCode::TooLarge.into());
    }
    let malformed = Refused(RefusalCode::Malformed);
    let MlsMessageBodyIn::PrivateMessage(message) = read_message(&request.message)? else {
        return Err(malformed);
    };
    let aad = MessageAad::decode(message.aad())?;
    let frame = ProtocolMessage::PrivateMessage(message);
    let consistent = *frame.group_id() == group_id(channel, request.incarnation)
        && frame.epoch().as_u64() == request.epoch
        && frame.content_type() == ContentType::Application
        && aad.send_counter == send_counter
        && aad.event_counter > 0
        && aad.signed_event_hash.len() == 32
        && aad.blob_ids.len() <= BLOBS;
    if consistent { Ok(aad) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        // proves: W2
        #[test]
        fn any_bytes_are_refused_without_a_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            framed in any::<bool>(),
        ) {
            if framed {
                // As far as possible into the decoder: mls10, private message.
                bytes.splice(0..0, [0, 1, 0, 2]);
            }
            let request = AppendMessage { message: bytes.into(), ..Default::default() };
            prop_assert!(read_aad(ChannelId([0; 16]), &request, 1).is_err());
        }
    }
}
