//! Where the root's key comes from, on the command line.

use std::path::PathBuf;

use clap::Args;
use relais_core::identity::root::RootAccess;

use super::{TEXT_BYTES, text_file};
use crate::failure::Result;
use crate::profile::PassphraseSource;

/// The root's key: by default from this device, as long as it is there.
#[derive(Debug, Clone, Args)]
pub struct RootOptions {
    /// File with the text of the recovery kit
    #[arg(long, value_name = "FILE", conflicts_with = "share")]
    kit: Option<PathBuf>,
    /// File with the text of a recovery share; once for each share
    #[arg(long, value_name = "FILE")]
    share: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: KitPassphrase,
}

/// Where a kit's passphrase comes from.
#[derive(Debug, Clone, Args)]
pub struct KitPassphrase {
    /// File with the kit's passphrase, or set RELAIS_KIT_PASSPHRASE; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    kit_passphrase_file: Option<PathBuf>,
}

impl KitPassphrase {
    /// Reads it; a `new` one is asked for twice at a terminal.
    ///
    /// # Errors
    /// Of the file or the terminal.
    pub fn read(&self, new: bool) -> Result<String> {
        let source = PassphraseSource::kit(self.kit_passphrase_file.clone());
        Ok(source.read(new)?.to_string())
    }
}

/// Where the passphrase of a kit that is about to be made comes from.
#[derive(Debug, Clone, Args)]
pub struct NewKitPassphrase {
    /// File with the new kit's passphrase, or set RELAIS_NEW_KIT_PASSPHRASE; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    new_kit_passphrase_file: Option<PathBuf>,
}

impl NewKitPassphrase {
    /// Reads it, or asks for it twice.
    ///
    /// # Errors
    /// Of the file or the terminal.
    pub fn read(&self) -> Result<String> {
        let source = PassphraseSource::new_kit(self.new_kit_passphrase_file.clone());
        Ok(source.read(true)?.to_string())
    }
}

impl RootOptions {
    /// Reads the files, and asks for the passphrase of a kit.
    ///
    /// # Errors
    /// Of the files or the terminal.
    pub fn access(&self) -> Result<RootAccess> {
        if let Some(kit) = &self.kit {
            return Ok(RootAccess::Kit {
                text: text_file(kit, TEXT_BYTES)?,
                passphrase: self.passphrase.read(false)?,
            });
        }
        if self.share.is_empty() {
            return Ok(RootAccess::Held);
        }
        let texts = self.share.iter().map(|path| text_file(path, TEXT_BYTES));
        Ok(RootAccess::Shares(texts.collect::<Result<_>>()?))
    }
}
