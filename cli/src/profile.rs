//! A profile folder: the encrypted database and what opens it, a key file or the
//! salt of a passphrase. Readable by its owner alone.

use std::io::Write;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use relais_core::driver::DatabaseKey;
use relais_core::wire::label::{Label, hash};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// Argon2id (RFC 9106): memory in KiB and passes. A second on a small computer;
/// a passphrase is guessed by whoever holds the folder, so it must cost.
const ARGON2_KIB: u32 = 64 * 1024;
const ARGON2_PASSES: u32 = 3;
const SALT_BYTES: usize = 16;
/// Far above any passphrase; a wrong file is noticed before it is read whole.
const PASSPHRASE_BYTES: u64 = 4096;

/// Where a passphrase comes from: a file, an environment variable, the terminal.
#[derive(Debug, Clone)]
pub struct PassphraseSource {
    file: Option<PathBuf>,
    variable: &'static str,
    option: &'static str,
    prompt: &'static str,
}

/// A profile folder, which may not exist yet.
#[derive(Debug, Clone)]
pub struct Profile {
    folder: PathBuf,
}

impl Profile {
    /// The folder given, or `$XDG_DATA_HOME/relais`, or `~/.local/share/relais`.
    ///
    /// # Errors
    /// [`Failure::Usage`] when there is no home folder either.
    pub fn locate(given: Option<PathBuf>) -> Result<Self> {
        let data = || {
            let absolute = |path: PathBuf| path.is_absolute().then_some(path);
            std::env::var_os("XDG_DATA_HOME")
                .and_then(|path| absolute(path.into()))
                .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")))
        };
        let folder = given.or_else(|| Some(data()?.join("relais")));
        let folder = folder.ok_or_else(|| Failure::Usage("say where: --profile DIR".into()))?;
        Ok(Self { folder })
    }

    /// The encrypted database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("relais.db")
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("key")
    }

    fn salt_file(&self) -> PathBuf {
        self.folder.join("salt")
    }

    /// Whether the folder has been set up.
    pub fn exists(&self) -> bool {
        self.key_file().exists() || self.salt_file().exists()
    }

    /// Makes the folder and its key: random, or from a passphrase.
    ///
    /// # Errors
    /// [`Failure::File`]; a profile that exists is never overwritten.
    pub fn create(&self, passphrase: Option<&PassphraseSource>) -> Result<DatabaseKey> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.folder)
            .map_err(|e| Failure::file(&self.folder, e))?;
        match passphrase {
            None => {
                let key: Zeroizing<[u8; 32]> = Zeroizing::new(random()?);
                write_private(&self.key_file(), &*key)?;
                Ok(DatabaseKey(*key))
            }
            Some(source) => {
                let salt: [u8; SALT_BYTES] = random()?;
                let key = derive(&source.read(true)?, &salt)?;
                write_private(&self.salt_file(), &salt)?;
                Ok(key)
            }
        }
    }

    /// The key of a profile that exists.
    ///
    /// # Errors
    /// [`Failure::NoProfile`], [`Failure::File`], [`Failure::Value`] for a
    /// passphrase that cannot be used.
    pub fn key(&self, passphrase: &PassphraseSource) -> Result<DatabaseKey> {
        if self.salt_file().exists() {
            let salt: [u8; SALT_BYTES] = read_exactly(&self.salt_file())?;
            return derive(&passphrase.read(false)?, &salt);
        }
        if !self.key_file().exists() {
            return Err(Failure::NoProfile);
        }
        Ok(DatabaseKey(*Zeroizing::new(read_exactly(
            &self.key_file(),
        )?)))
    }
}

impl PassphraseSource {
    /// The passphrase that opens a profile.
    pub fn profile(file: Option<PathBuf>) -> Self {
        Self {
            file,
            variable: "RELAIS_PASSPHRASE",
            option: "--passphrase-file",
            prompt: "Passphrase of this profile: ",
        }
    }

    /// The passphrase of a recovery kit.
    pub fn kit(file: Option<PathBuf>) -> Self {
        Self {
            file,
            variable: "RELAIS_KIT_PASSPHRASE",
            option: "--kit-passphrase-file",
            prompt: "Passphrase of the recovery kit: ",
        }
    }

    /// The passphrase of the recovery kit of a root that is about to be made.
    pub fn new_kit(file: Option<PathBuf>) -> Self {
        Self {
            file,
            variable: "RELAIS_NEW_KIT_PASSPHRASE",
            option: "--new-kit-passphrase-file",
            prompt: "Passphrase of the new recovery kit: ",
        }
    }

    /// From the file, the environment or the terminal, in this order; `new` asks
    /// twice at the terminal.
    ///
    /// # Errors
    /// [`Failure::File`], [`Failure::Usage`] without a terminal, [`Failure::Value`]
    /// for one that is empty or not typed the same twice.
    pub fn read(&self, new: bool) -> Result<Zeroizing<String>> {
        let passphrase = if let Some(path) = &self.file {
            passphrase_file(path)?
        } else if let Ok(passphrase) = std::env::var(self.variable) {
            Zeroizing::new(passphrase)
        } else {
            self.ask(new)?
        };
        if passphrase.is_empty() {
            return Err(Failure::value("passphrase", "is empty"));
        }
        Ok(passphrase)
    }

    fn ask(&self, new: bool) -> Result<Zeroizing<String>> {
        let prompt = |text: &str| {
            let typed = rpassword::prompt_password(text);
            typed.map(Zeroizing::new).map_err(|_| {
                let (option, variable) = (self.option, self.variable);
                Failure::Usage(format!("no terminal to ask at: use {option} or {variable}"))
            })
        };
        let passphrase = prompt(self.prompt)?;
        if new && *prompt("The same again: ")? != *passphrase {
            return Err(Failure::value("passphrase", "the two are not the same"));
        }
        Ok(passphrase)
    }
}

fn passphrase_file(path: &Path) -> Result<Zeroizing<String>> {
    use std::io::Read;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(PASSPHRASE_BYTES).read_to_string(&mut text))
        .map_err(|e| Failure::file(path, e))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

fn derive(passphrase: &str, salt: &[u8; SALT_BYTES]) -> Result<DatabaseKey> {
    let mut stretched = Zeroizing::new([0u8; 32]);
    let impossible = |_| Failure::value("passphrase", "cannot be used");
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, 1, Some(32)).map_err(impossible)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *stretched)
        .map_err(impossible)?;
    Ok(DatabaseKey(hash(Label::DatabaseKey, &[&*stretched])))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        let source = std::io::Error::other(e.to_string());
        Failure::file(Path::new("random numbers"), source)
    })?;
    Ok(bytes)
}

/// Writes a file that must not exist yet, readable by its owner alone.
///
/// # Errors
/// [`Failure::File`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|e| Failure::file(path, e))
}

fn read_exactly<const N: usize>(path: &Path) -> Result<[u8; N]> {
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|e| Failure::file(path, e))?);
    bytes.as_slice().try_into().map_err(|_| {
        let problem = format!("{} bytes instead of {N}", bytes.len());
        Failure::file(path, std::io::Error::other(problem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(folder: &tempfile::TempDir) -> Profile {
        Profile::locate(Some(folder.path().join("profile"))).expect("a folder")
    }

    #[test]
    fn a_key_file_opens_what_it_was_made_for_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = profile(&folder);
        let source = PassphraseSource::profile(None);
        assert!(matches!(profile.key(&source), Err(Failure::NoProfile)));
        let made = profile.create(None).expect("made");
        assert_eq!(profile.key(&source).expect("read").0, made.0);
        assert!(matches!(profile.create(None), Err(Failure::File { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&profile.key_file()), 0o600);
            assert_eq!(mode(&profile.folder), 0o700);
        }
    }

    #[test]
    fn a_passphrase_opens_what_it_was_made_for_and_another_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = profile(&folder);
        let source = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            PassphraseSource::profile(Some(path))
        };
        let right = source("right", "cheval agrafe été\n");
        let made = profile.create(Some(&right)).expect("made");
        assert_eq!(profile.key(&right).expect("read").0, made.0);
        assert!(!profile.key_file().exists());
        let wrong = source("wrong", "cheval agrafe hiver");
        assert_ne!(profile.key(&wrong).expect("derived").0, made.0);
        let empty = source("empty", "\n");
        assert!(matches!(profile.key(&empty), Err(Failure::Value { .. })));
    }
}
