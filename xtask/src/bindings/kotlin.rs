//! The scenario in Kotlin, on a JVM.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{failed_at, write};
use crate::{
    delegate,
    run::{self, Outcome},
    setup,
};

/// The hand-written part of what ships.
const WRAPPER: &str = "mobile-bindings/kotlin/src/main/kotlin";
const SCENARIO: &str = "mobile-bindings/kotlin/scenario";
const ANDROID: &str = "mobile-bindings/android/src/main/kotlin";
const STUBS: &str = "mobile-bindings/kotlin/android-stubs";
const BENCH: &str = "mobile-bindings/kotlin/bench";

/// Compiles the sources in `folder` with the hand-written ones, and plays the scenario against a real server.
pub fn play(folder: &Path, library: &Path) -> Outcome {
    let java = program(folder, library, SCENARIO, "ScenarioKt")?;
    run::run(delegate::DEMO.built().arg("--run").args(java))
}

/// Compiles what ships to Android beside the generated sources, against what it uses of Android's interface.
pub fn check_android(folder: &Path) -> Outcome {
    let stubs = folder.join("android-stubs.jar");
    compile(&stubs, &[Path::new(STUBS)], &[])?;
    let core = folder.join("relais-core.jar");
    compile(
        &folder.join("android.jar"),
        &[Path::new(ANDROID)],
        &[&core, &stubs],
    )
}

/// Compiles the bench, and answers how it is started.
pub fn bench(folder: &Path, library: &Path) -> Outcome<Vec<OsString>> {
    program(folder, library, BENCH, "BenchKt")
}

/// Compiles the library's sources and those of a program, and answers how it is started.
fn program(folder: &Path, library: &Path, source: &str, main: &str) -> Outcome<Vec<OsString>> {
    let core = folder.join("relais-core.jar");
    let package = folder.join("eu");
    compile(&core, &[&package, Path::new(WRAPPER)], &[])?;
    let jar = folder.join(main).with_extension("jar");
    compile(&jar, &[Path::new(source)], &[&core])?;
    let mut library_path = OsString::from("-Djna.library.path=");
    library_path.push(library.parent().unwrap_or(Path::new(".")));
    let jars = [jar.as_path(), &core, &kotlin("kotlin-stdlib.jar")];
    Ok(vec![
        "java".into(),
        library_path,
        "-cp".into(),
        class_path(&jars),
        main.into(),
    ])
}

/// Compiles into a jar, unless that was made from the same texts.
fn compile(jar: &Path, sources: &[&Path], with: &[&Path]) -> Outcome {
    let mut texts = Vec::new();
    for source in sources {
        read(&run::root().join(source), &mut texts)?;
    }
    let texts = texts.join("\n");
    let noted = jar.with_extension("sources");
    if jar.is_file() && fs::read_to_string(&noted).is_ok_and(|noted| noted == texts) {
        return Ok(());
    }
    let mut compiler = setup::kotlinc();
    compiler.args(["-Werror", "-jvm-target", "11", "-cp"]);
    compiler.arg(class_path(with)).args(sources);
    // The generated source has warnings of its own.
    if with.is_empty() {
        compiler.arg("-nowarn");
    }
    run::run(compiler.arg("-d").arg(jar))?;
    write(&noted, &texts)
}

/// All Kotlin in a folder, in the order of its names.
fn read(folder: &Path, texts: &mut Vec<String>) -> Outcome {
    let entries = fs::read_dir(folder).map_err(failed_at(folder))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(&path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "kt") {
            texts.push(fs::read_to_string(&path).map_err(failed_at(&path))?);
        }
    }
    Ok(())
}

/// These, JNA and the coroutines.
fn class_path(with: &[&Path]) -> OsString {
    let mut path = OsString::from(setup::JNA);
    path.push(":");
    path.push(kotlin("kotlinx-coroutines-core-jvm.jar"));
    for jar in with {
        path.push(":");
        path.push(jar);
    }
    path
}

fn kotlin(jar: &str) -> PathBuf {
    setup::kotlin_dir().join("lib").join(jar)
}
