//! What can be said of the Swift side without a Swift compiler: the C header compiles, the library exports every
//! function that it declares, and the hand-written Swift calls what the generated source has.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::run::{self, Failure, Outcome};

mod calls;

/// The hand-written wrapper and its test.
const HAND_WRITTEN: &str = "mobile-bindings/swift";

/// Checks what was generated into `folder` from `library`.
pub fn check(folder: &Path, library: &Path) -> Outcome {
    let header = folder.join("RelaisCoreFFI.h");
    compile(&header)?;
    let declared = declared(&read(&header)?);
    if declared.is_empty() {
        return Err(Failure(format!(
            "{} declares no function",
            run::short(&header)
        )));
    }
    let exported = exported(&symbols(library)?);
    let missing: Vec<&str> = declared.difference(&exported).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(Failure(format!(
            "{} does not export {}",
            run::short(library),
            missing.join(", ")
        )));
    }
    let generated = read(&folder.join("RelaisCore.swift"))?;
    let mut sources = Vec::new();
    for path in files(&run::root().join(HAND_WRITTEN))? {
        sources.push((run::short(&path), read(&path)?));
    }
    let calls = calls::check(&generated, &sources)?;
    eprintln!(
        "{} functions are exported, {calls} calls in {} files fit; Swift itself was not compiled",
        declared.len(),
        sources.len()
    );
    Ok(())
}

/// Compiles the header alone. Only Apple's compilers know the words for null.
fn compile(header: &Path) -> Outcome {
    let mut compiler = run::program("cc");
    compiler.args(["-fsyntax-only", "-D_Nonnull=", "-D_Nullable=", "-x", "c"]);
    run::run(compiler.arg("-include").arg(header).arg("/dev/null"))
}

fn symbols(library: &Path) -> Outcome<String> {
    let options: &[&str] = if cfg!(target_os = "macos") {
        &["-gU"]
    } else {
        &["-D", "--defined-only"]
    };
    run::output(run::program("nm").args(options).arg(library))
}

fn is_ours(name: &str) -> bool {
    name.starts_with("uniffi_") || name.starts_with("ffi_")
}

/// The functions that a header declares: our names before a parenthesis.
fn declared(header: &str) -> BTreeSet<String> {
    let before = |text: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.rsplit(|c| !word(c)).next().map(str::to_owned)
    };
    let mut names: BTreeSet<String> = header.split('(').filter_map(before).collect();
    names.retain(|name| is_ours(name));
    names
}

/// The functions among the symbols that `nm` lists; on macOS each begins with an underscore more.
fn exported(symbols: &str) -> BTreeSet<String> {
    let function = |line: &str| {
        let mut words = line.split_whitespace().rev();
        let (name, kind) = (words.next()?, words.next()?);
        let name = name.strip_prefix('_').unwrap_or(name);
        (kind == "T" && is_ours(name)).then(|| name.to_owned())
    };
    symbols.lines().filter_map(function).collect()
}

/// The Swift files in a folder and below it, without what is built.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let unreadable = |error| Failure(format!("cannot read {}: {error}", run::short(folder)));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !name.to_string_lossy().starts_with('.') {
                found.extend(files(&path)?);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "swift")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path)
        .map_err(|error| Failure(format!("cannot read {}: {error}", run::short(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn functions_of_the_header_are_found_and_nothing_else() {
        let header = "\
#ifndef UNIFFI_FFIDEF_FREE
typedef void (*UniffiFree)(uint64_t
    );
#endif
uint64_t uniffi_relais_mobile_fn_method_relais_invite(uint64_t ptr, RustBuffer card
);
void ffi_relais_mobile_rust_future_poll_u8(uint64_t handle, UniffiPoll _Nonnull callback
);
";
        assert_eq!(
            declared(header),
            set(&[
                "uniffi_relais_mobile_fn_method_relais_invite",
                "ffi_relais_mobile_rust_future_poll_u8"
            ])
        );
    }

    #[test]
    fn exported_functions_are_found_on_both_systems() {
        let linux = "\
00000000003ed28d R UNIFFI_META_NAMESPACE_RELAIS_MOBILE
00000000001ed28d T ffi_relais_mobile_rustbuffer_free
00000000001ed29d t uniffi_relais_mobile_fn_private
";
        assert_eq!(exported(linux), set(&["ffi_relais_mobile_rustbuffer_free"]));
        let macos = "0000000000003f50 T _uniffi_relais_mobile_fn_free_relais\n";
        assert_eq!(
            exported(macos),
            set(&["uniffi_relais_mobile_fn_free_relais"])
        );
    }

    #[test]
    fn there_is_hand_written_swift() {
        let Ok(files) = files(&run::root().join(HAND_WRITTEN)) else {
            panic!("the folder can be read")
        };
        let has = |name: &str| files.iter().any(|path| path.ends_with(name));
        assert!(has("Sources/Relais/Events.swift"), "{files:?}");
        assert!(has("ScenarioTests.swift"), "{files:?}");
    }
}
