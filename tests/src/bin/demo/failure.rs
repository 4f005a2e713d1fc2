//! Why the demo could not go on.

use std::path::Path;

/// Short for results of the demo.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// See the module's head.
#[derive(Debug)]
pub enum Failure {
    /// Stopped by a signal.
    Interrupted,
    /// A file or folder.
    File(String, std::io::Error),
    /// A program that could not be started, or did not do what it is asked for.
    Program(String),
    /// The photo could not be made or read.
    Photo(String),
    /// A command answered something that the story does not expect.
    Story(String),
}

impl Failure {
    /// A file or folder that cannot be used.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::File(path, error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Program(text) | Self::Story(text) => f.write_str(text),
            Self::Photo(text) => write!(f, "photo: {text}"),
        }
    }
}

impl std::error::Error for Failure {}
