//! The core in other languages: sources generated from the library, what ships to each platform, and whether the
//! public interface is the one that was agreed on.
//!
//! Layout:
//! - `names`, `api`: names in generated documentation; the public interface as a text
//! - `kotlin`, `python`, `swift`: what is played or checked of each language; `guide`: the tested code that a reader sees
//! - `android`, `ios`: what ships, from the libraries to the project or package that an app uses
//! - `targets`: engine and façade checked for phones; `compilers` are the C compilers for it
//! - `elf`, `private`: how Android loads the library, and what of it an iOS app can see

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    delegate,
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};

mod android;
mod api;
mod compilers;
mod elf;
pub mod guide;
mod ios;
mod kotlin;
mod names;
mod private;
mod python;
mod swift;
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

    /// The generated source, in its folder.
    fn source(self) -> &'static str {
        match self {
            Self::Kotlin => "eu/relais/core/relais_mobile.kt",
            Self::Swift => "RelaisCore.swift",
            Self::Python => "relais_mobile.py",
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
    let language = args.first().and_then(|name| {
        let mut languages = Language::ALL.into_iter();
        languages.find(|known| known.name() == *name)
    });
    match (language, &args[..]) {
        (Some(language), [_]) => prepared(language, Purpose::Build),
        (Some(language), [_, "--accept"]) => {
            prepared(language, Purpose::Build)?;
            api::compare(language, &source(language)?, true)
        }
        (Some(language), [_, "--run"]) => {
            prepared(language, Purpose::Test)?;
            play(language)
        }
        (None, ["android"]) => android::command(),
        (None, ["ios"]) => ios::command(),
        (None, ["check-targets"]) => targets::command(),
        (None, ["guide"]) => guide::compare(true),
        _ => Err(Failure(format!(
            "bindings kotlin, swift or python, with --run or --accept; android, ios, check-targets or guide; not \"{}\"",
            args.join(" ")
        ))),
    }
}

/// Builds the library for this machine and generates a language's sources from it.
fn prepared(language: Language, purpose: Purpose) -> Outcome {
    setup::ensure(purpose)?;
    build()?;
    generate(language, &library(), &language.folder())
}

/// What the gate checks of a language, with everything built: its interface is the one agreed on, and it works.
pub fn check(language: Language) -> Outcome {
    generate(language, &library(), &language.folder())?;
    api::compare(language, &source(language)?, false)?;
    play(language)
}

/// `cargo xtask bench bindings`: the same work in each language that runs here, on the optimised library.
pub fn bench(args: &[String]) -> Outcome {
    setup::ensure(Purpose::Test)?;
    build()?;
    // As the shipped one is built: without what tests and other crates switch on.
    run::run(&mut run::cargo(&[
        "build",
        "--release",
        "--package",
        "relais-mobile",
    ]))?;
    let library = run::target_dir().join("release").join(library_name());
    let mut args = args.to_owned();
    for (language, bench) in [
        (
            Language::Kotlin,
            kotlin::bench as fn(&Path, &Path) -> Outcome<Vec<OsString>>,
        ),
        (Language::Python, python::bench),
    ] {
        generate(language, &self::library(), &language.folder())?;
        let words = bench(&language.folder(), &library)?;
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        args.extend([
            "--program".to_owned(),
            format!("{}={}", language.name(), words.join("\n")),
        ]);
    }
    delegate::command(&delegate::BENCH, &args)
}

/// Plays a language's scenario, or checks what can be checked without its compiler.
fn play(language: Language) -> Outcome {
    let (folder, library) = (language.folder(), library());
    match language {
        Language::Kotlin => {
            kotlin::play(&folder, &library)?;
            kotlin::check_android(&folder)
        }
        Language::Swift => swift::check(&folder, &library),
        Language::Python => python::play(&folder, &library),
    }
}

/// The folder in which Python finds the generated module and its library, with everything built.
pub fn python_path() -> Outcome<PathBuf> {
    let folder = Language::Python.folder();
    generate(Language::Python, &library(), &folder)?;
    python::lay_beside(&folder, &library())?;
    Ok(folder)
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
    run::target_dir().join("debug").join(library_name())
}

fn library_name() -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{prefix}relais_mobile{suffix}")
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
    run::run(&mut bindgen)?;
    let path = folder.join(language.source());
    let source = fs::read_to_string(&path).map_err(failed_at(&path))?;
    write(&path, &names::adapt(&source, language))
}

/// The source that was generated last.
fn source(language: Language) -> Outcome<String> {
    let path = language.folder().join(language.source());
    fs::read_to_string(&path).map_err(failed_at(&path))
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(failed_at(path))
}

/// The failure of something with a file or folder.
fn failed_at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = run::short(path);
    move |error| Failure(format!("{path}: {error}"))
}
