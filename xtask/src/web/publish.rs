//! What the server embeds: the built page with each file's compressed forms, and how large it is.

use std::{collections::BTreeMap, fs, path::Path};

use super::fresh;
use crate::{
    folders,
    run::{self, Outcome},
    setup,
};

/// Bytes of files of one kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Brings `web/dist` up to date with a built page, and shows sizes. What did not change is not written, so that the
/// server is not compiled again for it.
pub fn publish(page: &Path) -> Outcome {
    let published = run::root().join("web/dist");
    let mut compress = setup::program("node");
    compress.env("PATH", setup::path()?);
    compress.arg("web/compress.mjs").arg(page).arg(&published);
    run::run(&mut compress)?;
    print!("{}", shown(&sizes(&published)?));
    Ok(())
}

/// Sizes of published files by the kind of file.
fn sizes(published: &Path) -> Outcome<BTreeMap<String, Size>> {
    let mut sizes = BTreeMap::<String, Size>::new();
    let length = |path: &Path| fs::metadata(path).map(|data| data.len());
    let is_plain = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !(name.starts_with('.') || name.ends_with(".br") || name.ends_with(".gz"))
    };
    for file in fresh::files(published, &is_plain)? {
        let raw = length(&file).map_err(|error| folders::failed("read", &file, &error))?;
        // A file that does not get smaller is sent as it is.
        let compressed = |suffix: &str| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            length(Path::new(&name)).unwrap_or(raw)
        };
        let kind = file.extension().unwrap_or_default().to_string_lossy();
        let size = sizes.entry(kind.into_owned()).or_default();
        size.raw += raw;
        size.gzip += compressed(".gz");
        size.brotli += compressed(".br");
    }
    Ok(sizes)
}

/// Sizes as a table in kB of 1,000 bytes.
fn shown(sizes: &BTreeMap<String, Size>) -> String {
    let kb = |bytes: u64| format!("{}.{}", bytes / 1000, bytes % 1000 / 100);
    let row = |kind: &str, raw: &str, gzip: &str, brotli: &str| {
        format!("{kind:<12} {raw:>9} {gzip:>9} {brotli:>9}\n")
    };
    let mut table = row("kB", "raw", "gzip", "brotli");
    for (kind, size) in sizes {
        table += &row(kind, &kb(size.raw), &kb(size.gzip), &kb(size.brotli));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders::testing::Scratch;

    #[test]
    fn compressed_forms_count_for_the_file_that_they_are_of() {
        let scratch = Scratch::new("sizes");
        for (path, length) in [
            ("a.js", 1_234),
            ("a.js.br", 100),
            ("a.js.gz", 200),
            ("deep/b.js", 1_000),
            ("c.png", 50),
            (".gitignore", 9),
        ] {
            scratch.write(path);
            fs::write(scratch.0.join(path), vec![0; length]).expect("written");
        }
        let sizes = sizes(&scratch.0).expect("read");
        let js = Size {
            raw: 2_234,
            gzip: 1_200,
            brotli: 1_100,
        };
        let png = Size {
            raw: 50,
            gzip: 50,
            brotli: 50,
        };
        assert_eq!(
            sizes.clone().into_iter().collect::<Vec<_>>(),
            [("js".to_owned(), js), ("png".to_owned(), png)]
        );
        assert!(shown(&sizes).contains("js                 2.2       1.2       1.1\n"));
    }
}
