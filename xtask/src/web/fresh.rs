//! What did not change is not done again: beside its results a step leaves a digest of what it was made from.
//!
//! Content decides and not times, because a checkout of another commit and back changes every time and no content.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{
    folders,
    run::{self, Outcome},
};

/// A digest of files and their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs(String);

impl Inputs {
    /// Reads the files, in this order; one that is missing is an input, too.
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> Outcome<Self> {
        let mut digest = DefaultHasher::new();
        for file in files {
            file.strip_prefix(run::root())
                .unwrap_or(&file)
                .hash(&mut digest);
            let content = match file.exists() {
                true => Some(fs::read(&file).map_err(|e| folders::failed("read", &file, &e))?),
                false => None,
            };
            content.hash(&mut digest);
        }
        Ok(Self(format!("{:016x}\n", digest.finish())))
    }
}

/// All files under a folder that `wanted` lets in, sorted; it is asked for folders, too.
pub fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Outcome<Vec<PathBuf>> {
    let failed = |error| folders::failed("read", folder, &error);
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths.into_iter().filter(|path| wanted(path)) {
        match path.is_dir() {
            true => found.extend(files(&path, wanted)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// Does a step, unless the stamp of the last time says that it was done with the same inputs. The stamp lies among
/// the results, so that it goes where they go.
pub fn unless_done(
    name: &str,
    stamp: &Path,
    inputs: &Inputs,
    work: impl FnOnce() -> Outcome,
) -> Outcome {
    if fs::read_to_string(stamp).is_ok_and(|done| done == inputs.0) {
        eprintln!("{name}: as before");
        return Ok(());
    }
    // Who is interrupted must begin again.
    if stamp.exists() {
        fs::remove_file(stamp).map_err(|error| folders::failed("remove", stamp, &error))?;
    }
    work()?;
    fs::write(stamp, &inputs.0).map_err(|error| folders::failed("write", stamp, &error))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{folders::testing::Scratch, run::Failure};

    #[test]
    fn a_step_is_done_again_when_an_input_changed_or_it_had_failed() {
        let scratch = Scratch::new("fresh");
        scratch.write("in/a");
        scratch.write("in/deep/b");
        scratch.write("in/skipped/c");
        let (folder, stamp) = (scratch.0.join("in"), scratch.0.join("stamp"));
        let wanted = |path: &Path| !path.ends_with("skipped");
        let (done, fails) = (Cell::new(0), Cell::new(false));
        let step = || {
            let inputs = Inputs::of(files(&folder, &wanted)?)?;
            unless_done("step", &stamp, &inputs, || {
                done.set(done.get() + 1);
                match fails.get() {
                    true => Err(Failure("broken".to_owned())),
                    false => Ok(()),
                }
            })
        };
        assert!(step().is_ok() && step().is_ok());
        assert_eq!(done.get(), 1);
        scratch.write("in/skipped/d");
        assert!(step().is_ok());
        assert_eq!(done.get(), 1);
        fs::write(folder.join("deep/b"), "other").expect("written");
        fails.set(true);
        assert!(step().is_err());
        fails.set(false);
        assert!(step().is_ok() && step().is_ok());
        assert_eq!(done.get(), 3);
        fs::rename(folder.join("a"), folder.join("e")).expect("renamed");
        assert!(step().is_ok());
        assert_eq!(done.get(), 4);
    }

    #[test]
    fn a_missing_file_is_an_input() {
        let scratch = Scratch::new("fresh-missing");
        let file = scratch.0.join("later");
        let before = Inputs::of([file.clone()]).expect("read");
        scratch.write("later");
        assert_ne!(Inputs::of([file]).expect("read"), before);
    }
}
