//! Commands whose work is done by a program of another crate: build it with the programs that it starts in turn,
//! then hand over to it.
//!
//! The started program finds the others through `RELAIS_BIN_DIR`.

use std::{env, os::unix::process::CommandExt, path::PathBuf, process::Command};

use crate::{
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
    web,
};

/// The folder of the built programs, told to whatever starts them.
const BIN_DIR: &str = "RELAIS_BIN_DIR";

/// A program that does the work of a command.
pub struct Program {
    name: &'static str,
    /// The programs that it starts.
    starts: &'static [&'static str],
    profile: Profile,
}

/// How a program is built.
#[derive(Clone, Copy)]
enum Profile {
    Dev,
    /// Optimised, with all assertions: see `Cargo.toml`.
    Sim,
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Sim => "sim",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            other => other.name(),
        }
    }
}

/// Plays a care thread on this machine.
pub const DEMO: Program = Program {
    name: "relais-demo",
    starts: &["relais-server", "relais"],
    profile: Profile::Dev,
};

/// Runs seeds of the simulation.
pub const SIM: Program = Program {
    name: "relais-sim",
    starts: &[],
    profile: Profile::Dev,
};

/// Measures; only an optimised build is worth measuring.
pub const BENCH: Program = Program {
    name: "relais-bench",
    starts: &["relais-server"],
    profile: Profile::Release,
};

/// What a browser or another client is tried against.
pub const SERVER: Program = Program {
    name: "relais-server",
    starts: &["relais", "relais-colleague"],
    profile: Profile::Dev,
};

/// The same, as it is measured.
pub const FAST_SERVER: Program = Program {
    profile: Profile::Release,
    ..SERVER
};

impl Program {
    fn folder(&self) -> PathBuf {
        run::target_dir().join(self.profile.folder())
    }

    /// Builds the program and what it starts.
    pub fn build(&self) -> Outcome {
        // The whole workspace, so that cargo chooses the same features as in the tests
        // and builds nothing twice.
        let mut cargo = run::cargo(&["build", "--workspace", "--profile", self.profile.name()]);
        for binary in self.starts.iter().chain([&self.name]) {
            cargo.args(["--bin", binary]);
        }
        run::run(&mut cargo)
    }

    /// The program, which must have been built.
    pub fn built(&self) -> Command {
        let mut program = run::program(self.path());
        program.env(BIN_DIR, self.folder());
        program
    }

    /// Where it is once it was built.
    pub fn path(&self) -> PathBuf {
        self.folder().join(self.name)
    }

    /// Where one that it starts is once it was built.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Lets another program find it and the ones that it starts.
    pub fn tell_where(&self, command: &mut Command) {
        command.env(BIN_DIR, self.folder());
    }
}

/// Builds the program and becomes it, so that its signals and exit code are those of the command.
pub fn command(program: &Program, args: &[String]) -> Outcome {
    setup::ensure(Purpose::Build)?;
    program.build()?;
    let mut built = program.built();
    // A file named in the arguments is meant from where the person stands.
    if let Ok(here) = env::current_dir() {
        built.current_dir(here);
    }
    let error = built.args(args).exec();
    Err(Failure(format!("cannot run {}: {error}", program.name)))
}

/// Plays the demo, for a person in a browser where that can be built.
pub fn demo(args: &[String]) -> Outcome {
    if args.is_empty() {
        let built = setup::ensure(Purpose::Web).and_then(|()| web::build());
        if let Err(failure) = built {
            eprintln!("{failure}\n\nThe demo goes on without building the web app.\n");
        }
    }
    command(&DEMO, args)
}

/// Runs seeds of the simulation, in an optimised build if that was asked for.
pub fn simulate(args: &[String]) -> Outcome {
    let (optimised, args): (Vec<_>, Vec<_>) =
        args.iter().cloned().partition(|arg| arg == "--optimised");
    let profile = match optimised.is_empty() {
        true => SIM.profile,
        false => Profile::Sim,
    };
    command(&Program { profile, ..SIM }, &args)
}
