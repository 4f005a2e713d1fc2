//! Debian's compiler, which comes with the sources of the standard library: it builds for targets that the
//! toolchain's own source has no library of, or that cannot be fetched from there.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run;

/// What has it.
pub const PACKAGES: &str = "rustc-web cargo-web rust-web-src";

const FOLDER: &str = "/usr/bin";
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

/// Whether it is installed.
pub fn is_there() -> bool {
    let there = |name| Path::new(FOLDER).join(name).is_file();
    there("rustc") && there("cargo") && Path::new(SOURCES).is_file()
}

/// Its linker for browsers.
pub const WASM_LINKER: &str = "/usr/bin/wasm-ld-19";

/// Whether it can build for browsers.
pub fn builds_wasm() -> bool {
    is_there() && Path::new(WASM_LINKER).is_file()
}

/// The folder that must come first in `PATH` for it.
pub fn folder() -> PathBuf {
    PathBuf::from(FOLDER)
}

/// Its cargo with these arguments, which builds the standard library as it goes. That is for nightly compilers; the
/// variable makes this one pass for such.
pub fn cargo(args: &[&str]) -> Command {
    let mut cargo = run::program(Path::new(FOLDER).join("cargo"));
    for (name, _) in env::vars_os() {
        if is_of_our_cargo(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo.args(args).arg("-Zbuild-std=std,panic_abort");
    cargo
}

/// Whether a variable says something of the cargo that runs us, which another one must not hear.
fn is_of_our_cargo(name: &OsString) -> bool {
    const KEPT: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "RUST_BACKTRACE",
    ];
    let name = name.to_string_lossy();
    let kept = KEPT.iter().any(|kept| name.starts_with(kept));
    name == "LD_LIBRARY_PATH" || !kept && (name.starts_with("CARGO") || name.starts_with("RUST"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cargo_hears_nothing_of_ours_but_where_it_fetches_from() {
        let hears = |name: &str| !is_of_our_cargo(&OsString::from(name));
        for ours in [
            "CARGO",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "RUSTC",
        ] {
            assert!(!hears(ours), "{ours}");
        }
        assert!(!hears("LD_LIBRARY_PATH"));
        for shared in ["CARGO_HOME", "CARGO_NET_OFFLINE", "HOME", "PATH"] {
            assert!(hears(shared), "{shared}");
        }
    }
}
