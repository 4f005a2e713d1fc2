//! Hides in a static library for Apple's platforms everything but what Swift calls.
//!
//! Such a library is linked by the app, beside the `libsqlite3` of the system. If its own SQLCipher stayed visible, the
//! linker could take the system's functions of the same names instead, which know of no encryption. So the library is
//! merged into one object whose references are bound already, and of which only the functions of the generated header
//! are seen.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::ios::Slice;
use crate::{
    folders,
    run::{self, Failure, Outcome},
};

/// How the names of the functions begin that Swift calls.
const CALLED: [&str; 2] = ["uniffi_", "ffi_"];
/// What must be bound inside: its twin of the system has the same names.
const HIDDEN: &str = "_sqlite3";

/// The library with everything hidden but the functions of the header, in a folder of its own.
pub fn hide(library: &Path, slice: &Slice, header: &Path, folder: &Path) -> Outcome<PathBuf> {
    folders::empty(folder)?;
    let text =
        fs::read_to_string(header).map_err(|error| folders::failed("read", header, &error))?;
    let symbols: Vec<_> = functions(&text)
        .into_iter()
        .map(|function| format!("_{function}"))
        .collect();
    let (list, wanted) = (folder.join("exported"), folder.join("wanted"));
    write(&list, &symbols, "")?;
    // Only what these need is taken out of the library.
    write(&wanted, &symbols, "-u ")?;
    let merged = folder.join("relais_mobile.o");
    let mut clang = run::program("xcrun");
    clang.args(["--sdk", slice.sdk, "clang", "-target", slice.clang]);
    clang.args(["-r", "-nostdlib", "-exported_symbols_list"]);
    clang.arg(&list).arg(format!("@{}", wanted.display()));
    run::run(clang.arg(library).arg("-o").arg(&merged))?;
    verify(&run::output(
        run::program("xcrun").args(["nm", "-gj"]).arg(&merged),
    )?)?;
    let hidden = folder.join(library.file_name().unwrap_or_default());
    let mut libtool = run::program("xcrun");
    libtool.args(["libtool", "-static", "-o"]).arg(&hidden);
    run::run(libtool.arg(&merged))?;
    Ok(hidden)
}

/// Writes one symbol a line, each after a word.
fn write(file: &Path, symbols: &[String], word: &str) -> Outcome {
    let lines: String = symbols
        .iter()
        .map(|symbol| format!("{word}{symbol}\n"))
        .collect();
    fs::write(file, lines).map_err(|error| folders::failed("write", file, &error))
}

/// The functions that a generated header declares.
fn functions(header: &str) -> BTreeSet<&str> {
    header
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(')
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name)
        .filter(|name| CALLED.iter().any(|start| name.starts_with(start)))
        .collect()
}

/// Refuses an object that still shows SQLite, or looks for it outside; `symbols` are those that others can see.
fn verify(symbols: &str) -> Outcome {
    match symbols.lines().find(|symbol| symbol.starts_with(HIDDEN)) {
        None => Ok(()),
        Some(symbol) => Err(Failure(format!(
            "the library for iOS still shows {symbol}: an app could get the system's SQLite, which does not encrypt"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "
#ifndef UNIFFI_FFIDEF_RUST_FUTURE_CONTINUATION_CALLBACK
typedef void (*UniffiRustFutureContinuationCallback)(uint64_t, int8_t);
#endif
#ifndef UNIFFI_FFIDEF_UNIFFI_RELAIS_MOBILE_FN_CLONE_RELAIS
#define UNIFFI_FFIDEF_UNIFFI_RELAIS_MOBILE_FN_CLONE_RELAIS
uint64_t uniffi_relais_mobile_fn_clone_relais(uint64_t handle, RustCallStatus *_Nonnull out_status
);
#endif
uint32_t ffi_relais_mobile_uniffi_contract_version(void
    
);
";

    #[test]
    fn the_functions_of_a_header_are_found_and_nothing_else() {
        let found: Vec<_> = functions(HEADER).into_iter().collect();
        assert_eq!(
            found,
            [
                "ffi_relais_mobile_uniffi_contract_version",
                "uniffi_relais_mobile_fn_clone_relais",
            ]
        );
    }

    #[test]
    fn an_object_that_shows_sqlite_is_refused() {
        assert!(verify("_ffi_relais_mobile_x\n_malloc\n").is_ok());
        let Err(failure) = verify("_malloc\n_sqlite3_open_v2\n") else {
            panic!("the system's SQLite could be taken")
        };
        assert!(failure.to_string().contains("_sqlite3_open_v2"));
    }
}
