//! `relais-bench`: what the server carries and what the engine costs, each next to a
//! floor on the same machine in the same run, because only ratios travel.
//!
//! # Layout
//! - [`delivery`]: 256 devices on one server; [`serve`] is that server, in a process
//!   of its own, so that its memory and processor time are its own.
//! - [`fleet`]: the devices, made of [`device`] (keys and statements), [`group`]
//!   (MLS) and [`socket`]; [`load`]: what they do while it is measured.
//! - [`store`]: the store alone, and the file that is the floor under it.
//! - [`engine`]: two engines, measured without a network; [`bare`]: the same work
//!   by openmls alone.
//! - [`history`]: a past of 10,000 events shared with somebody who joins.
//! - [`lost_phone`]: a lost phone's threads and past on a new one; [`wire`] counts bytes.
//! - [`rejoin`]: a return into a group, beside the bare external commit.
//! - [`bindings`]: the façade from other languages, each beside [`probe`], the same in Rust.
//! - [`report`]: the figures as a table and as JSON.

mod bare;
mod bindings;
mod delivery;
mod device;
mod engine;
mod fleet;
mod group;
mod history;
mod load;
mod lost_phone;
mod probe;
mod rejoin;
mod report;
mod serve;
mod socket;
mod store;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Any failure ends the whole measurement: half a run has no figures.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What everything here returns.
pub type Outcome<T> = Result<T, Failure>;

/// Measures Relais. Only a release build on a quiet machine says anything.
#[derive(Parser)]
#[command(name = "relais-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Messages through a real server to 256 devices in 32 channels of 8.
    Delivery {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
        /// Length of each measured phase.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
        seconds: u64,
    },
    /// What the engine adds to openmls, per message.
    Core {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
    },
    /// A long past, from one device to another.
    History {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
    },
    /// A device's return into its group, beside openmls's own.
    Rejoin {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
        #[command(flatten)]
        size: rejoin::Size,
    },
    /// A lost phone, until its threads and their whole past are on a new one.
    LostPhone {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
        #[command(flatten)]
        size: lost_phone::Size,
    },
    /// The façade for phone apps, called from other languages and from Rust.
    Bindings {
        /// Where the figures go.
        #[arg(long)]
        json: PathBuf,
        /// Another program: its name, =, then itself and its arguments, each on a line.
        #[arg(long)]
        program: Vec<bindings::Program>,
    },
    /// The work of `bindings` in Rust.
    #[command(hide = true)]
    ProbeForBench,
    /// The phone of `bindings` that catches up.
    #[command(hide = true)]
    CatchUpForBench,
    /// The new phone of `lost-phone`; reads the link that it scans.
    #[command(hide = true)]
    PhoneForBench {
        #[arg(long)]
        database: PathBuf,
        #[command(flatten)]
        size: lost_phone::Size,
    },
    /// The server of `delivery`; ends when its standard input does.
    #[command(hide = true)]
    ServeForBench {
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        keeps: serve::Keeps,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Delivery { json, seconds } => {
            run(delivery::measure(seconds)).and_then(|report| report.publish("delivery", &json))
        }
        Command::Core { json } => {
            run(engine::measure()).and_then(|report| report.publish("core", &json))
        }
        Command::History { json } => {
            run(history::measure()).and_then(|report| report.publish("history", &json))
        }
        Command::Rejoin { json, size } => {
            run(rejoin::measure(size)).and_then(|report| report.publish("rejoin", &json))
        }
        Command::LostPhone { json, size } => {
            run(lost_phone::measure(size)).and_then(|report| report.publish("lost-phone", &json))
        }
        Command::Bindings { json, program } => {
            run(bindings::measure(program)).and_then(|report| report.publish("bindings", &json))
        }
        Command::ProbeForBench => run(probe::probe()),
        Command::CatchUpForBench => run(probe::catch_up()),
        Command::PhoneForBench { database, size } => run(lost_phone::phone(&database, size)),
        Command::ServeForBench { data, keeps } => run(serve::serve(data, keeps)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relais-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build()?.block_on(work)
}
