//! `relais-demo`: a practice on this machine, with real processes: a server on the
//! embedded store and a `relais` profile for each device.
//!
//! # Layout
//! - [`story`], [`people`], [`photo`]: what happens, to whom, with which photo.
//! - [`processes`], [`device`]: the server, and `relais` run on a device's profile.
//! - [`guests`]: who comes by a link of their own, in a browser.
//! - [`host`]: a practice for somebody else's program, without the story.
//! - [`check`]: the story again, with what must hold; by means of [`kills`],
//!   [`probe`] and [`search`].
//!
//! Without options the story is played, and left open to go on in a browser and by hand.
//! A server that was built without the web app shows it here, and is gone on with by hand.

mod check;
mod device;
mod failure;
mod guests;
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
use crate::guests::Guests;
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
    story.follow_wound()?;
    let mut guests = match story.server.has_app()? {
        true => Some(Guests::invite(&story.coordinator, &story.thread)?),
        false => None,
    };
    match &guests {
        Some(guests) => in_a_browser(&story, guests),
        None => in_a_terminal(&story)?,
    }
    by_hand(&story, &programs, guests.is_some());
    loop {
        match interrupted.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if story.server.is_running() => {
                for person in guests.as_mut().map_or(Ok(vec![]), Guests::welcome)? {
                    let (name, role) = (person.name(), person.role);
                    println!("• {name} has joined, the {role}, and gets the thread.");
                }
            }
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
    guests.map_or(Ok(()), Guests::close)?;
    // A terminal's Ctrl-C has reached the server, too.
    if story.server.is_running() {
        story.server.stop()?;
    }
    Ok(())
}

/// How somebody goes on who has a browser.
fn in_a_browser(story: &Story, guests: &Guests) {
    println!("\n── In a browser: {} ──", story.server.url);
    println!("Open each link in a window of its own: a browser's profile is one person's device,");
    println!("so take a private window or another profile for the next one, and make the nurse's");
    println!("as small as a phone. Each link is used once; the thread comes within seconds.\n");
    for guest in &guests.invited {
        println!("{}, {}:", guest.person.role, guest.person.name());
        println!("  {}", guest.link);
    }
}

/// What there is to see without one.
fn in_a_terminal(story: &Story) -> Result<()> {
    println!("\nThe web app is not built into this server (`cargo xtask web` says what it needs);");
    println!("here is what each person sees on the command line.");
    for (person, device) in [COORDINATOR, NURSE, DOCTOR].iter().zip(story.members()) {
        println!("\n── What {} sees, the {} ──", person.name(), person.role);
        print!("{}", device.show(&["thread", "show", &story.thread])?);
    }
    Ok(())
}

/// How a person goes on in another terminal. While guests are waited for, the
/// coordinator's device is open here.
fn by_hand(story: &Story, programs: &Programs, waiting: bool) {
    let relais = programs.relais.display();
    println!("\n── Go on by hand, in another terminal ──");
    for device in story.members().into_iter().skip(usize::from(waiting)) {
        println!(
            "{}() {{ {relais} --profile {} \"$@\"; }}",
            device.name,
            device.profile.display()
        );
    }
    println!();
    println!("nurse send talon 'Pansement refait, plus d’odeur.'");
    println!("doctor thread show talon");
    println!("doctor task new talon 'Bilan sanguin' --owner maelle");
    println!("nurse sync                                # receives it");
    println!("nurse task take talon bilan --offline     # waits on the device");
    println!("nurse sync                                # leaves now");
    println!("doctor watch                              # shows what arrives, until Ctrl-C");
    if !waiting {
        println!("coordinator thread remove talon maelle    # the nurse receives nothing after it");
    }
    println!("doctor --help");
    println!();
    println!(
        "The server listens on {}; its logs are in {}.",
        story.server.address(),
        story.server.logs().display()
    );
    println!("Ctrl-C here ends it and clears everything away.");
}
