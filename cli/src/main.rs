//! `relais`: a headless client of Relais, for a terminal and for scripts.
//!
//! # Layout
//! - `commands`: one file per group of commands.
//! - [`session`]: the engine, with or without a connection; bounded waiting; closing.
//! - [`profile`]: the folder, its database and key.
//! - [`resolve`]: names, titles and beginnings of ids.
//! - [`view`], [`render`]: what is shown, as text for people and JSON for scripts.
//! - [`header`], [`words`], [`time`]: forms that a person can type.
//! - [`failure`]: errors and exit codes.
//!
//! Everything else, from keys to order, is the engine's.

mod commands;
mod failure;
mod header;
mod options;
mod profile;
mod render;
mod resolve;
mod session;
mod time;
mod view;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::failure::{Failure, Result, exit};
use crate::options::Options;
use crate::render::{Shown, json, plain};
use crate::session::Session;

fn main() -> ExitCode {
    let options = Options::parse();
    let as_json = options.global.json;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(execute(options)),
        Err(error) => Err(Failure::file(std::path::Path::new("threads"), error)),
    };
    let (out, notes, code) = match result {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(shown)) if as_json => (json::line(&shown.json) + "\n", String::new(), shown.exit),
        Ok(Some(shown)) => {
            let text = shown.text;
            (text.out().to_owned(), text.notes().to_owned(), shown.exit)
        }
        Err(failure) if as_json => {
            let line = json::line(&json::failure(&failure)) + "\n";
            (String::new(), line, failure.exit())
        }
        Err(failure) => (String::new(), plain::failure(&failure), failure.exit()),
    };
    // Whoever reads may have stopped; that is not this command's failure.
    let _ = std::io::stdout().write_all(out.as_bytes());
    let _ = std::io::stderr().write_all(notes.as_bytes());
    ExitCode::from(code)
}

async fn execute(options: Options) -> Result<Option<Shown>> {
    let Options {
        global,
        mut command,
    } = options;
    if let Some(shown) = command.without_profile() {
        return Ok(Some(shown));
    }
    let opening = global.opening()?;
    command.prepare(&opening)?;
    let endless = command.runs_until_interrupted();
    let mut session = Session::open(&opening).await?;
    let result = tokio::select! {
        result = command.run(&mut session, global.json) => result,
        () = interrupted() => if endless { Ok(None) } else { Err(Failure::Interrupted) },
    };
    let result = match result {
        Ok(Some(shown)) => Ok(Some(complete(&mut session, shown).await)),
        result => result,
    };
    // Whatever happened, the database is closed; the first failure is the one told.
    let closed = session.close().await;
    result.and_then(|shown| closed.map(|()| shown))
}

/// Adds what every command says: whether it saw the newest, and what needs attention.
async fn complete(session: &mut Session, mut shown: Shown) -> Shown {
    if let (Some(fresh), Some(fields)) = (session.fresh(), shown.json.as_object_mut()) {
        fields.entry("fresh").or_insert(fresh.into());
        if !fresh && session.is_online() && !shown.says_queued {
            shown
                .text
                .note("Not connected: this is what the device holds.");
        }
    }
    let Ok((_, troubles)) = session.state().await else {
        return shown;
    };
    for trouble in &troubles {
        shown.text.note(commands::attention(trouble));
    }
    if shown.exit == 0 && commands::must_enrol_again(&troubles) {
        shown.exit = exit::NOT_ENROLLED;
    }
    shown
}

/// Ctrl-C, or the signal by which a service is stopped.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut stop) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = stop.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
