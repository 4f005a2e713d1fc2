//! Lists the built web app for embedding: a table of `web/dist`, which `cargo xtask web` fills and which is empty in
//! a fresh clone.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let server = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = server.join("../web/dist").canonicalize()?;
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = BTreeMap::new();
    collect(&dist, "", &mut files)?;
    let mut table = format!("static BUILT: [File; {}] = [\n", plain(&files).count());
    for (path, file) in plain(&files) {
        let compressed = |suffix| match files.get(&format!("{path}.{suffix}")) {
            Some(file) => format!("Some({})", included(file)),
            None => "None".to_owned(),
        };
        let (brotli, gzip) = (compressed("br"), compressed("gz"));
        let bytes = included(file);
        // Writing to a string does not fail.
        let _ = writeln!(table, "    File::new({path:?}, {bytes}, {brotli}, {gzip}),");
    }
    table += "];\n";
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("web_files.rs"), table)
}

/// Every file under a folder, by the path that it is served at. What starts with a dot is the repository's.
fn collect(folder: &Path, path: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{path}/{name}");
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &path, files)?,
            false => drop(files.insert(path, entry.path())),
        }
    }
    Ok(())
}

/// The files that are not another one compressed.
fn plain(files: &BTreeMap<String, PathBuf>) -> impl Iterator<Item = (&String, &PathBuf)> {
    files.iter().filter(|(path, _)| {
        let of = path.strip_suffix(".br").or(path.strip_suffix(".gz"));
        of.is_none_or(|of| !files.contains_key(of))
    })
}

fn included(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}
