//! The core in other languages: sources generated from the library, what ships to each platform, and whether the
//! public interface is the one that was agreed on.
//!
//! Layout:
//! - `android`, `ios`: what ships, from the libraries to the project or package that an app uses
//! - `targets`: engine and façade checked for phones; `compilers` are the C compilers for it
//! - `elf`, `private`: how Android loads the library, and what of it an iOS app can see
//! - `needs`, `folders`: what a machine lacks, and folders put together from others

use std::path::{Path, PathBuf};

use crate::{
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};

mod android;
mod compilers;
mod elf;
mod folders;
mod ios;
mod needs;
mod private;
mod targets;

/// How sources are generated.
const CONFIG: &str = "mobile-bindings/bindgen.toml";

/// A language that sources are generated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Kotlin,
    Swift,
    Python,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Kotlin, Self::Swift, Self::Python];

    pub fn name(self) -> &'static str {
        match self {
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
            Self::Python => "python",
        }
    }

    /// Where its sources are generated.
    pub fn folder(self) -> PathBuf {
        run::target_dir().join("bindings").join(self.name())
    }
}

/// `cargo xtask bindings`.
pub fn command(args: &[String]) -> Outcome {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let [name, ..] = args[..]
        && let Some(language) = Language::ALL.into_iter().find(|known| known.name() == name)
    {
        return generated(language);
    }
    match args[..] {
        ["android"] => android::command(),
        ["ios"] => ios::command(),
        ["check-targets"] => targets::command(),
        _ => Err(Failure(format!(
            "bindings kotlin, swift, python, android, ios or check-targets, not \"{}\"",
            args.join(" ")
        ))),
    }
}

/// Builds the library for this machine and generates a language's sources from it.
fn generated(language: Language) -> Outcome {
    setup::ensure(Purpose::Build)?;
    build()?;
    generate(language, &library(), &language.folder())
}

/// Builds the library for this machine, with everything that is built beside it in the tests.
pub fn build() -> Outcome {
    run::run(&mut run::cargo(&[
        "build",
        "--workspace",
        "--lib",
        "--bins",
    ]))
}

/// The library for this machine, which must have been built.
pub fn library() -> PathBuf {
    let name = format!(
        "{}relais_mobile{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    run::target_dir().join("debug").join(name)
}

/// Generates a language's sources from a built library with its symbols into a folder.
pub fn generate(language: Language, library: &Path, folder: &Path) -> Outcome {
    let mut bindgen = run::program(run::target_dir().join("debug/relais-bindgen"));
    bindgen.arg("generate").arg(library);
    bindgen.args([
        "--config",
        CONFIG,
        "--language",
        language.name(),
        "--no-format",
    ]);
    bindgen.arg("--out-dir").arg(folder);
    run::run(&mut bindgen)
}
