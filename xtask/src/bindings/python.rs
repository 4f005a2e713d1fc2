//! The scenario in Python.

use std::{fs, path::Path};

use super::failed_at;
use crate::{
    delegate,
    run::{self, Outcome},
};

const SCENARIO: &str = "mobile-bindings/python/scenario.py";

/// Plays the scenario with the sources in `folder` against a real server.
pub fn play(folder: &Path, library: &Path) -> Outcome {
    // The generated module looks for its library beside itself.
    let name = library.file_name().unwrap_or_default();
    let beside = folder.join(name);
    fs::copy(library, &beside).map_err(failed_at(&beside))?;
    let mut demo = delegate::DEMO.built();
    demo.args(["--run", "python3", SCENARIO]);
    demo.env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run::run(&mut demo)
}
