//! A reboot: the channel gets a new MLS group, the old one is over.

use std::sync::Arc;

use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{Answer, RebootChannel, answer};

use super::create::check_reboot;
use super::read_known;
use crate::app::App;
use crate::error::Refused;
use crate::hub::SpanChange;
use crate::operations::{Request, refusal, refuse, write};
use crate::store::Operation;

/// Validates, writes and publishes a reboot.
pub async fn reboot_channel(app: &App, request: Request, reboot: RebootChannel) -> Answer {
    match try_reboot(app, request, reboot).await {
        Ok(answer) => answer,
        Err(Refused(code)) => refuse(app, request, code).await,
    }
}

async fn try_reboot(app: &App, request: Request, reboot: RebootChannel) -> Result<Answer, Refused> {
    let channel = ChannelId::try_from(&reboot.channel_id)?;
    let named = |stored: &crate::store::Channel| -> Result<super::Known, Refused> {
        let known = read_known(stored)?;
        match known
            .roster
            .members
            .contains_key(&request.caller.professional)
        {
            true => Ok(known),
            false => Err(RefusalCode::Forbidden.into()),
        }
    };
    // An unknown channel gets no cell: a stranger cannot fill the cache.
    let stored = app.store.channel(channel).await?;
    named(&*stored.ok_or(RefusalCode::NotFound)?)?;
    let cell = app.channels.cell(channel);
    let mut slot = cell.group.lock().await;
    // Read again: the channel may have moved while we waited for its lock.
    let stored = app.store.channel(channel).await?;
    let stored = stored.ok_or(RefusalCode::NotFound)?;
    let prior = named(&stored)?;
    let structure = app.structure.now();
    let time_ms = request.now_ms.max(stored.head_time_ms);
    let caller = request.caller;
    let checked = app.heavy(move || check_reboot(&structure, &caller, &prior, reboot, time_ms));
    let (new, known) = checked.await.map_err(|_| RefusalCode::InvalidCommit)??;
    let spans = app.store.cursors(channel).await?;
    let others = spans.into_iter().map(|(device, _)| device);
    let change = SpanChange {
        joined: Vec::new(),
        left: others.filter(|device| *device != caller.device).collect(),
    };
    *slot = None;
    match write(app, request, Operation::RebootChannel(new)).await {
        Ok(applied) => {
            match &applied.answer.result {
                Some(answer::Result::Appended(_)) if !applied.effects.is_empty() => {
                    // Before it is published: whoever read it may send in its group.
                    cell.put(known);
                    app.hub.publish(applied.effects, Some(Arc::new(change)));
                }
                _ => cell.forget(),
            }
            Ok(applied.answer)
        }
        Err(error) => {
            // Whether it was written is unknown: read it back next time.
            cell.forget();
            Ok(refusal(request.send_counter, Refused::from(error).0))
        }
    }
}
