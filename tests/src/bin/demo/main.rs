//! `relais-demo`: a practice on this machine, with real processes: a server on the
//! embedded store and a `relais` profile for each device.
//!
//! # Layout
//! - [`story`], [`people`], [`photo`]: what happens, to whom, with which photo.
//! - [`processes`], [`device`]: the server, and `relais` run on a device's profile.
//! - [`host`]: a practice for somebody else's program, without the story.
//! - [`check`]: the story again, with what must hold; by means of [`kills`],
//!   [`probe`] and [`search`].
//!
//! Without options the story is played, shown, and left open to go on by hand.

mod check;
mod device;
mod failure;
mod host;
mod kills;
mod people;
mod photo;
mod probe;
mod processes;
mod search;
mod story;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use clap::Parser;

use crate::failure::{Failure, Result};
use crate::people::{COORDINATOR, DOCTOR, NURSE};
use crate::processes::{INTERRUPTED, Programs};
use crate::story::Story;

/// Plays the first day of a care thread on this machine
#[derive(Parser)]
#[command(name = "relais-demo", version)]
struct Options {
    /// Play it without showing, and check what must hold
    #[arg(long)]
    check: bool,
    /// Repeats the moments of an earlier check; otherwise chosen and printed
    #[arg(long, requires = "check")]
    seed: Option<u64>,
    /// How often the server is killed in the check
    #[arg(long, default_value_t = 20, requires = "check")]
    kills: u32,
    /// Without the story: starts a server with a fresh structure, runs this program with
    /// RELAIS_SETUP_LINK and RELAIS_PHOTO in its environment, and stops the server
    #[arg(long, num_args = 1.., allow_hyphen_values = true, value_name = "PROGRAM", conflicts_with = "check")]
    run: Vec<OsString>,
}

/// How often a person's server is looked after.
const LOOK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let options = Options::parse();
    let interrupted = listen();
    let result = if options.check {
        let seed = options
            .seed
            .unwrap_or_else(|| u64::from(rand::random::<u32>()));
        check::run(seed, options.kills)
    } else if !options.run.is_empty() {
        host::run(&options.run)
    } else {
        play(&interrupted).map(|()| true)
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whatever else went wrong then, this is why.
        Err(_) if INTERRUPTED.load(Ordering::Relaxed) => {
            eprintln!("relais-demo: interrupted");
            ExitCode::from(130)
        }
        Err(failure) => {
            eprintln!("relais-demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Notes Ctrl-C and SIGTERM, so that processes and folder are cleared away.
fn listen() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut terminate) = signal(SignalKind::terminate()) else {
                return;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        });
        INTERRUPTED.store(true, Ordering::Relaxed);
        let _ = sender.send(());
    });
    receiver
}

/// A folder that goes when the demo does.
fn folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("relais-demo-").tempdir();
    folder.map_err(Failure::file(&std::env::temp_dir()))
}

fn play(interrupted: &Receiver<()>) -> Result<()> {
    let programs = Programs::find()?;
    let folder = folder()?;
    let mut story = Story::begin(&programs, folder.path().to_owned(), 1, false)?;
    story.enrol(&NURSE, &story.nurse)?;
    story.enrol(&DOCTOR, &story.doctor)?;
    story.open(&[&NURSE, &DOCTOR])?;
    story.first_day()?;
    for (person, device) in [COORDINATOR, NURSE, DOCTOR].iter().zip(story.members()) {
        println!("\n── What {} sees, the {} ──", person.name(), person.role);
        print!("{}", device.show(&["thread", "show", &story.thread])?);
    }
    go_on(&story, &programs);
    loop {
        match interrupted.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if story.server.is_running() => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::Program(format!(
                    "the server has ended: {}",
                    story.server.last_words()
                )));
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    println!(
        "\nStopping the server and clearing {} away.",
        folder.path().display()
    );
    INTERRUPTED.store(false, Ordering::Relaxed);
    // A terminal's Ctrl-C has reached the server, too.
    if story.server.is_running() {
        story.server.stop()?;
    }
    Ok(())
}

/// How a person goes on in another terminal.
fn go_on(story: &Story, programs: &Programs) {
    let relais = programs.relais.display();
    let profile = |device: &device::Device| device.profile.display().to_string();
    println!("\n── Go on by hand, in another terminal ──");
    println!(
        "coordinator() {{ {relais} --profile {} \"$@\"; }}",
        profile(&story.coordinator)
    );
    println!(
        "nurse() {{ {relais} --profile {} \"$@\"; }}",
        profile(&story.nurse)
    );
    println!(
        "doctor() {{ {relais} --profile {} \"$@\"; }}",
        profile(&story.doctor)
    );
    println!();
    println!("nurse send talon 'Pansement refait, plus d’odeur.'");
    println!("doctor thread show talon");
    println!("doctor task new talon 'Bilan sanguin' --owner maelle");
    println!("nurse sync                                # receives it");
    println!("nurse task take talon bilan --offline     # waits on the device");
    println!("nurse sync                                # leaves now");
    println!("doctor watch                              # shows what arrives, until Ctrl-C");
    println!("coordinator thread remove talon maelle    # the nurse receives nothing after it");
    println!("coordinator --help");
    println!();
    println!(
        "The server listens on {}; its logs are in {}.",
        story.server.address(),
        story.server.logs().display()
    );
    println!("Ctrl-C here ends it and clears everything away.");
}
