//! The root's key as this device knows it (architecture D7): held here after set-up,
//! then only in a kit or shares; and what is said with it.

use ed25519_dalek::SigningKey;
use prost::Message;
use relais_wire::limits;
use relais_wire::structure::{PublicKey, sign_statement};
use relais_wire::v1::{RootReplaced, Statement, StatementKind, StructureEntry};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::invite::CLOCK_SLACK_MS;
use super::recovery::{self, Belongs, Seed};
use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::Wish;

/// Where the root's key comes from, for one act that needs it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub enum RootAccess {
    /// It is still in this device's database.
    Held,
    /// A recovery kit.
    Kit {
        /// As printed or scanned.
        text: String,
        /// What the kit was made with.
        passphrase: String,
    },
    /// Enough recovery shares of one set.
    Shares(Vec<String>),
}

impl std::fmt::Debug for RootAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held => "Held",
            Self::Kit { .. } => "Kit",
            Self::Shares(_) => "Shares",
        })
    }
}

/// A kit or a set of shares of the present root, made or tried on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// When the newest was made here; `None` when it was only tried here.
    pub made_ms: Option<u64>,
    /// When one was last proved to open on this device.
    pub confirmed_ms: Option<u64>,
}

/// How the practice would get its root's key back, as far as this device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryStatus {
    /// The root's key is in this device's database.
    pub held: bool,
    /// The recovery kit, if this device knows of one.
    pub kit: Option<Recovery>,
    /// The recovery shares, if this device knows of any.
    pub shares: Option<Recovery>,
}

impl RecoveryStatus {
    /// Losing this device would lose the root's key: the person makes a kit, or shares,
    /// and tries them once.
    pub fn needs_kit(&self) -> bool {
        self.held && !self.is_recoverable()
    }

    /// A kit or shares were proved to open on this device.
    pub fn is_recoverable(&self) -> bool {
        let proved =
            |recovery: Option<Recovery>| recovery.is_some_and(|r| r.confirmed_ms.is_some());
        proved(self.kit) || proved(self.shares)
    }
}

/// A root that was just made.
pub(super) struct NewRoot {
    pub seed: Seed,
    pub kit: RecoveryText,
}

/// A recovery text: a secret, for paper.
pub type RecoveryText = Zeroizing<String>;

impl Engine {
    /// Keeps a root's seed, in the transaction that first uses it.
    pub(super) fn hold_root(&self, seed: &Seed) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO roots (root_key, seed) VALUES (?1, ?2)")?
            .execute(params![recovery::public_key(seed), seed.as_slice()])?;
        Ok(())
    }

    /// Of which practice and root a kit must be, now.
    pub(super) fn root(&self) -> Result<Belongs> {
        let structure = self.structure.id();
        let structure = structure.ok_or(Error::NotYet(
            "the list of professionals has not arrived yet",
        ))?;
        Ok(Belongs::to(structure, self.structure.root_key()))
    }

    /// The present root's key, in memory alone. Slow with a kit, so never inside a
    /// transaction.
    pub(super) fn root_seed(&self, access: &RootAccess) -> Result<Seed> {
        debug_assert!(self.db.is_autocommit());
        let root = self.root()?;
        Ok(match access {
            RootAccess::Held => held_seed(&self.db, self.structure.root_key())?
                .ok_or(Error::NotAllowed(Denial::RootElsewhere))?,
            RootAccess::Kit { text, passphrase } => recovery::open_kit(&root, text, passphrase)?,
            RootAccess::Shares(texts) => recovery::open_shares(&root, texts)?,
        })
    }

    pub(super) fn root_signer(&self, access: &RootAccess) -> Result<SigningKey> {
        Ok(SigningKey::from_bytes(&*self.root_seed(access)?))
    }

    /// Makes a recovery kit of the present root: a text to be printed, opened by the
    /// passphrase alone. Slow on purpose (0.2 s).
    ///
    /// # Errors
    /// [`Error::Recovery`] for a weak passphrase or an access that does not open,
    /// [`Error::NotAllowed`] when the key is not here.
    pub fn make_recovery_kit(
        &mut self,
        access: &RootAccess,
        passphrase: &str,
    ) -> Result<RecoveryText> {
        let seed = self.root_seed(access)?;
        let kit = recovery::seal_kit(&self.root()?, &seed, passphrase, self.random()?)?;
        self.note_recovery("kit_made_ms")?;
        Ok(kit)
    }

    /// Cuts the present root's key into `of` shares, of which `needed` give it back.
    ///
    /// # Errors
    /// [`Error::Recovery`] for impossible numbers or an access that does not open,
    /// [`Error::NotAllowed`] when the key is not here.
    pub fn make_recovery_shares(
        &mut self,
        access: &RootAccess,
        needed: u8,
        of: u8,
    ) -> Result<Vec<RecoveryText>> {
        let seed = self.root_seed(access)?;
        let shares = recovery::split_shares(&self.root()?, &seed, needed, of, self.random()?)?;
        self.note_recovery("shares_made_ms")?;
        Ok(shares)
    }

    /// Proves that a kit, or shares, give the present root's key. Nothing but the fact
    /// is kept.
    ///
    /// # Errors
    /// [`Error::Recovery`] names what is wrong with it, [`Error::Invalid`] for
    /// [`RootAccess::Held`].
    pub fn confirm_recovery(&mut self, access: &RootAccess) -> Result<()> {
        let column = match access {
            RootAccess::Held => return Err(Error::invalid("access", "type the kit or shares")),
            RootAccess::Kit { .. } => "kit_confirmed_ms",
            RootAccess::Shares(_) => "shares_confirmed_ms",
        };
        self.root_seed(access)?;
        self.note_recovery(column)
    }

    /// `column` is one of the names above, never input.
    fn note_recovery(&mut self, column: &str) -> Result<()> {
        let (root, now) = (*self.structure.root_key(), self.now_ms);
        let sql = format!(
            "INSERT INTO roots (root_key, {column}) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET {column} = excluded.{column}"
        );
        self.transaction(|engine| {
            engine
                .db
                .prepare_cached(&sql)?
                .execute(params![root, now])?;
            Ok(())
        })
    }

    /// Erases the root's key from this device, once a kit or shares were proved to
    /// open here. From then on they are the only way to it.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] before that, or when it is not here.
    pub fn forget_root(&mut self) -> Result<()> {
        let status = self.recovery_status()?;
        if !status.held {
            return Err(Error::NotAllowed(Denial::RootElsewhere));
        }
        if !status.is_recoverable() {
            return Err(Error::NotAllowed(Denial::RecoveryUnproved));
        }
        erase_seeds(&self.db, "=", self.structure.root_key())?;
        checkpoint(&self.db)
    }

    /// Replaces the root's key by one that is made here, of which the kit is answered:
    /// whoever might have seen the old one can do nothing with it any more.
    ///
    /// # Errors
    /// Those of the access; [`Error::Recovery`] for a weak passphrase.
    pub fn replace_root(&mut self, access: &RootAccess, passphrase: &str) -> Result<RecoveryText> {
        let old = self.root_signer(access)?;
        let new = self.new_root(passphrase)?;
        let body = self.root_replacement(&new.seed, Vec::new())?;
        let key = SigningKey::from_bytes(&new.seed);
        let statement = sign_statement(StatementKind::RootReplaced, &body, &[&key, &old]);
        self.transaction(|engine| {
            engine.hold_new_root(&new)?;
            engine.want(None, Wish::Statements(vec![statement.into()]))
        })?;
        Ok(new.kit)
    }

    /// A root that nobody knows yet, and its kit. Slow on purpose.
    pub(super) fn new_root(&self, passphrase: &str) -> Result<NewRoot> {
        let seed = Seed::new(self.random()?);
        let structure = self.root()?.structure;
        let belongs = Belongs::to(structure, &recovery::public_key(&seed));
        let kit = recovery::seal_kit(&belongs, &seed, passphrase, self.random()?)?;
        Ok(NewRoot { seed, kit })
    }

    /// The same, kept until the log shows it or another root.
    pub(super) fn hold_new_root(&self, new: &NewRoot) -> Result<()> {
        self.hold_root(&new.seed)?;
        self.db
            .prepare_cached("UPDATE roots SET kit_made_ms = ?2 WHERE root_key = ?1")?
            .execute(params![recovery::public_key(&new.seed), self.now_ms])?;
        Ok(())
    }

    /// What is signed to make this seed's key the root's.
    pub(super) fn root_replacement(
        &self,
        seed: &Seed,
        coordinators: Vec<prost::bytes::Bytes>,
    ) -> Result<RootReplaced> {
        Ok(RootReplaced {
            structure_id: self.root()?.structure.to_bytes(),
            root_key: recovery::public_key(seed).to_vec().into(),
            replaces: self.structure.root_key().to_vec().into(),
            coordinators,
            expires_at_ms: self.now_ms + limits::ROOT_REPLACEMENT_MS - CLOCK_SLACK_MS,
        })
    }

    /// A new root ends every other: no seed of one stays here.
    pub(super) fn root_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let statement = Statement::decode(entry.statement.clone());
        if statement.is_ok_and(|s| s.kind() == StatementKind::RootReplaced) {
            erase_seeds(&self.db, "<>", self.structure.root_key())?;
        }
        self.complete_proposals()
    }

    /// How the practice would get its root's key back, as far as this device knows.
    ///
    /// # Errors
    /// Of the database.
    pub fn recovery_status(&self) -> Result<RecoveryStatus> {
        let known = self
            .db
            .prepare_cached(
                "SELECT seed IS NOT NULL, kit_made_ms, kit_confirmed_ms, shares_made_ms,
                 shares_confirmed_ms FROM roots WHERE root_key = ?1",
            )?
            .query_row([self.structure.root_key()], |row| {
                let recovery = |at: usize| -> rusqlite::Result<Option<Recovery>> {
                    let recovery = Recovery {
                        made_ms: row.get(at)?,
                        confirmed_ms: row.get(at + 1)?,
                    };
                    let known = recovery.made_ms.or(recovery.confirmed_ms).is_some();
                    Ok(known.then_some(recovery))
                };
                Ok(RecoveryStatus {
                    held: row.get(0)?,
                    kit: recovery(1)?,
                    shares: recovery(3)?,
                })
            })
            .optional()?;
        Ok(known.unwrap_or_default())
    }
}

fn held_seed(db: &Connection, root: &PublicKey) -> Result<Option<Seed>> {
    let bytes: Option<Vec<u8>> = db
        .prepare_cached("SELECT seed FROM roots WHERE root_key = ?1")?
        .query_row([root], |row| row.get(0))
        .optional()?
        .flatten();
    let Some(bytes) = bytes.map(Zeroizing::new) else {
        return Ok(None);
    };
    let mut seed = Seed::default();
    if bytes.len() != seed.len() {
        return Err(Error::Corrupt("root key"));
    }
    seed.copy_from_slice(&bytes);
    Ok(Some(seed))
}

/// Takes seeds out of the database's pages: one root's, or those of all others. What a
/// drive keeps of overwritten blocks is encrypted with the database.
fn erase_seeds(db: &Connection, which: &str, root: &PublicKey) -> Result<()> {
    let secure: bool = db.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0))?;
    debug_assert!(secure);
    db.prepare_cached(&format!(
        "UPDATE roots SET seed = NULL WHERE root_key {which} ?1"
    ))?
    .execute([root])?;
    db.query_row("PRAGMA secure_delete = OFF", [], |_| Ok(()))?;
    Ok(())
}

/// Also the write-ahead log forgets what was erased; never inside a transaction.
fn checkpoint(db: &Connection) -> Result<()> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_hold(folder: &std::path::Path, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(folder).expect("folder");
        files.into_iter().any(|file| {
            let file = std::fs::read(file.expect("file").path()).expect("read");
            file.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    // proves: I2
    #[test]
    fn an_erased_root_key_is_in_no_byte_of_the_database_files() {
        let folder = tempfile::tempdir().expect("folder");
        // Not encrypted, so that the test can look for it.
        let db = Connection::open(folder.path().join("plain.db")).expect("database");
        db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .expect("WAL");
        let engine = Engine::open(db, 1).expect("engine");
        let seed = Zeroizing::new(std::array::from_fn(|at| at as u8 ^ 0xa5));
        engine.hold_root(&seed).expect("held");
        let root = recovery::public_key(&seed);
        assert_eq!(
            held_seed(&engine.db, &root).expect("read"),
            Some(seed.clone())
        );
        assert!(files_hold(folder.path(), seed.as_slice()));
        erase_seeds(&engine.db, "=", &root).expect("erased");
        checkpoint(&engine.db).expect("checkpoint");
        assert_eq!(held_seed(&engine.db, &root).expect("read"), None);
        assert!(!files_hold(folder.path(), seed.as_slice()));
        drop(engine);
        assert!(!files_hold(folder.path(), seed.as_slice()));
    }
}
