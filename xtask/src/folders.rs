//! Folders that are put together from other folders.

use std::{fs, io, path::Path};

use crate::run::{self, Failure, Outcome};

/// Makes a folder that has nothing in it, whatever was there.
pub fn empty(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    }
    .map_err(|error| failed("empty", folder, &error))
}

/// Copies what is in a folder into another one, which may have something already.
pub fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).map_err(|error| failed("make", to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| failed("read", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("read", from, &error))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(|error| failed("copy", &path, &error))?;
        }
    }
    Ok(())
}

/// Like [`copy`], for a folder that may not be there.
pub fn copy_if_there(from: &Path, to: &Path) -> Outcome {
    match from.is_dir() {
        true => copy(from, to),
        false => Ok(()),
    }
}

/// Copies one file and makes the folder that it goes to.
pub fn copy_file(from: &Path, to: &Path) -> Outcome {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))?;
    }
    fs::copy(from, to).map_err(|error| failed("copy", from, &error))?;
    Ok(())
}

/// The failure of work on a file or a folder.
pub fn failed(work: &str, path: &Path, error: &io::Error) -> Failure {
    Failure(format!("cannot {work} {}: {error}", run::short(path)))
}

/// What the tests of layouts need.
#[cfg(test)]
pub mod testing {
    use std::{
        env, fs,
        path::{Path, PathBuf},
        process,
    };

    /// A folder of one test, which goes away with this value.
    pub struct Scratch(pub PathBuf);

    impl Scratch {
        pub fn new(test: &str) -> Self {
            let folder = env::temp_dir().join(format!("relais-{test}-{}", process::id()));
            super::empty(&folder).expect("a folder for the test");
            Self(folder)
        }

        /// Writes a file whose text is its own path.
        pub fn write(&self, path: &str) {
            let file = self.0.join(path);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            fs::write(file, path).expect("a file");
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The paths of all files under a folder, sorted.
    pub fn files(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        collect(folder, folder, &mut found);
        found.sort();
        found
    }

    fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let inside = path.strip_prefix(root).expect("inside");
                found.push(inside.display().to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};

    #[test]
    fn a_copy_keeps_what_is_there_and_an_emptied_folder_does_not() {
        let scratch = Scratch::new("copy");
        scratch.write("from/a");
        scratch.write("from/deep/b");
        scratch.write("to/c");
        let to = scratch.0.join("to");
        copy(&scratch.0.join("from"), &to).expect("copied");
        assert_eq!(files(&to), ["a", "c", "deep/b"]);
        empty(&to).expect("emptied");
        assert!(files(&to).is_empty());
    }

    #[test]
    fn a_folder_that_is_missing_is_named_unless_it_may_be() {
        let scratch = Scratch::new("missing");
        let (from, to) = (scratch.0.join("nowhere"), scratch.0.join("to"));
        assert!(copy_if_there(&from, &to).is_ok());
        let Err(failure) = copy(&from, &to) else {
            panic!("there is nothing to copy")
        };
        assert!(failure.to_string().contains("nowhere"), "{failure}");
    }
}
