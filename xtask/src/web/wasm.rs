//! The engine for browsers: compiled, bound to JavaScript, and made small.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    app,
    fresh::{self, Inputs},
};
use crate::{
    debian, folders,
    needs::has_target,
    run::{self, Failure, Outcome},
    setup::{self, WASM},
};

const BUILD: [&str; 9] = [
    "build",
    "--locked",
    "--lib",
    "--package",
    "relais-web",
    "--profile",
    "web",
    "--target",
    WASM,
];
/// A standard library that is built anew can be one without the words of panics, which nobody sees in a worker:
/// there a panic is a trap, with or without them.
const SMALL: [&str; 2] = ["-Zunstable-options", "-Cpanic=immediate-abort"];
/// What the compiler uses of WASM beyond its first version; wasm-opt refuses the rest otherwise.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];
const MODULE: &str = "relais_web_bg.wasm";

/// Builds the engine and its bindings into the page's sources.
pub fn build() -> Outcome {
    let compiled = compile()?;
    let bindgen = bindgen()?;
    let optimiser = app().join("node_modules/.bin/wasm-opt");
    let packages = app().join("package-lock.json");
    let inputs = Inputs::of([compiled.clone(), bindgen.clone(), packages])?;
    let out = app().join("src/worker/pkg");
    fresh::unless_done("WASM", &out.join(".relais"), &inputs, || {
        folders::empty(&out)?;
        run::run(run::program(&bindgen).arg(&compiled).arg(&out))?;
        shrink(&optimiser, &out.join(MODULE))
    })
}

/// Compiles the engine, in a target folder of its own: flags and perhaps compiler differ from the other programs'.
fn compile() -> Outcome<PathBuf> {
    let folder = run::target_dir().join("web");
    let mut cargo = compiler()?;
    cargo.env("CARGO_TARGET_DIR", &folder);
    let [clang, ar] = setup::clang()
        .ok_or_else(|| Failure("there is no clang: `cargo xtask setup`".to_owned()))?;
    let suffix = WASM.replace('-', "_");
    cargo.env(format!("CC_{suffix}"), clang);
    cargo.env(format!("AR_{suffix}"), ar);
    run::run(&mut cargo)?;
    Ok(folder.join(WASM).join("web/relais_web.wasm"))
}

/// Cargo with the compiler that can build the standard library for browsers, which makes a smaller engine, or one
/// that has it.
fn compiler() -> Outcome<Command> {
    let mut flags = vec![
        // Every generation of the crate asks the browser for randomness.
        "--cfg=getrandom_backend=\"wasm_js\"".to_owned(),
    ];
    // Paths in messages of panics, which are part of the build's hash, are the same on every machine.
    flags.push(remap(run::root(), "relais"));
    flags.extend(cargo_home().map(|home| remap(&home, "cargo")));
    let mut cargo = if has_target(WASM) && !debian::builds_wasm() {
        run::cargo(&BUILD)
    } else {
        flags.push(format!("-Clinker={}", debian::WASM_LINKER));
        flags.extend(SMALL.map(str::to_owned));
        let mut cargo = debian::cargo(&BUILD);
        cargo.arg("-Zbuild-std-features=optimize_for_size");
        cargo.env("PATH", run::path([debian::folder()])?);
        cargo
    };
    cargo.env_remove("RUSTFLAGS");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(cargo)
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

fn cargo_home() -> Option<PathBuf> {
    let told = env::var_os("CARGO_HOME").map(PathBuf::from);
    told.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// Builds the program that writes the bindings.
fn bindgen() -> Outcome<PathBuf> {
    run::run(&mut run::cargo(&[
        "build",
        "--workspace",
        "--bin",
        "relais-wasm-bindgen",
    ]))?;
    Ok(run::target_dir().join("debug/relais-wasm-bindgen"))
}

/// Makes a module smaller, in its place.
fn shrink(optimiser: &Path, module: &Path) -> Outcome {
    let small = module.with_extension("small");
    let mut command = run::program(optimiser);
    command.env("PATH", setup::path()?);
    command.arg("-Os").args(FEATURES);
    command.arg(module).arg("-o").arg(&small);
    run::run(&mut command)?;
    fs::rename(&small, module).map_err(|error| folders::failed("write", module, &error))
}
