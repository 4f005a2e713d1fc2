//! The scenario in Python.

use std::{ffi::OsString, fs, path::Path};

use super::failed_at;
use crate::{
    delegate,
    run::{self, Outcome},
};

const SCENARIO: &str = "mobile-bindings/python/scenario.py";
const BENCH: &str = "mobile-bindings/python/bench.py";

/// Plays the scenario with the sources in `folder` against a real server.
pub fn play(folder: &Path, library: &Path) -> Outcome {
    let python = program(folder, library, SCENARIO)?;
    run::run(delegate::DEMO.built().arg("--run").args(python))
}

/// How the bench is started.
pub fn bench(folder: &Path, library: &Path) -> Outcome<Vec<OsString>> {
    program(folder, library, BENCH)
}

/// The generated module looks for its library beside itself.
pub fn lay_beside(folder: &Path, library: &Path) -> Outcome {
    let beside = folder.join(library.file_name().unwrap_or_default());
    fs::copy(library, &beside).map_err(failed_at(&beside))?;
    Ok(())
}

fn program(folder: &Path, library: &Path, script: &str) -> Outcome<Vec<OsString>> {
    lay_beside(folder, library)?;
    let mut path = OsString::from("PYTHONPATH=");
    path.push(folder);
    Ok(vec![
        "env".into(),
        path,
        "PYTHONDONTWRITEBYTECODE=1".into(),
        "python3".into(),
        run::root().join(script).into(),
    ])
}
