//! One command's use of the engine: with a connection, or without any. Owns
//! opening (with patience while another command has the profile open), bounded
//! waiting, and closing the database whatever happened.

use std::time::Duration;

use relais_core::driver::{Client, now_ms, open_database};
use relais_core::engine::{Phase, SyncState, Trouble};
use relais_core::query::{Enrolment, EventState, TimelineItem};
use relais_core::wire::ids::ChannelId;
use relais_core::{Engine, Error};
use tokio::time::Instant;

use crate::failure::{Failure, Result};
use crate::profile::{PassphraseSource, Profile};
use crate::resolve::ALL;

/// Another command may have the profile open: it is done in a moment.
const BUSY: Duration = Duration::from_secs(5);
/// A server that does not answer for so long will not be waited for before acting.
const UNREACHED: Duration = Duration::from_secs(3);
/// Not every change in the engine is announced: looked at again this often.
const LOOK: Duration = Duration::from_millis(200);
/// Time for the last acknowledgements to leave before the socket is closed.
const FAREWELL: Duration = Duration::from_millis(100);

/// How to open a session.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Where.
    pub profile: Profile,
    /// For a profile that has a passphrase.
    pub passphrase: PassphraseSource,
    /// How long to stay online; `None` never connects.
    pub wait: Option<Duration>,
}

enum Inner {
    Online(Client),
    Offline(Box<Engine>),
    Closed,
}

/// An open profile.
pub struct Session {
    inner: Inner,
    deadline: Instant,
    fresh: Option<bool>,
}

impl Session {
    /// Opens a profile that exists.
    ///
    /// # Errors
    /// [`Failure::NoProfile`]; [`Error::WrongKey`], [`Error::Busy`] and those of
    /// the database.
    pub async fn open(opening: &Opening) -> Result<Self> {
        let key = opening.profile.key(&opening.passphrase)?;
        let path = opening.profile.database();
        let give_up = Instant::now() + BUSY;
        let inner = loop {
            let opened = match opening.wait {
                Some(_) => Client::open(&path, key.clone()).await.map(Inner::Online),
                None => open_database(&path, &key)
                    .and_then(|db| Engine::open(db, now_ms()))
                    .map(|engine| Inner::Offline(Box::new(engine))),
            };
            match opened {
                Err(Error::Busy) if Instant::now() < give_up => tokio::time::sleep(LOOK).await,
                opened => break opened?,
            }
        };
        Ok(Self {
            inner,
            deadline: Instant::now() + opening.wait.unwrap_or_default(),
            fresh: None,
        })
    }

    /// Whether this session may connect.
    pub fn is_online(&self) -> bool {
        matches!(self.inner, Inner::Online(_))
    }

    /// What [`Session::freshen`] found, once it was called.
    pub fn fresh(&self) -> Option<bool> {
        self.fresh
    }

    /// The client, for listening to events.
    pub fn client(&self) -> Option<&Client> {
        match &self.inner {
            Inner::Online(client) => Some(client),
            _ => None,
        }
    }

    /// Runs a command or query.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &mut self.inner {
            Inner::Online(client) => client.call(|engine| Ok(work(engine))).await?,
            Inner::Offline(engine) => {
                engine.set_time(now_ms());
                work(engine)
            }
            Inner::Closed => Err(Error::Closed.into()),
        }
    }

    /// Waits until `condition` holds, at most until the command's time is over;
    /// gives up at once when this device is cut off. Offline, only looks.
    ///
    /// # Errors
    /// Those of `condition`.
    pub async fn wait<F>(&mut self, condition: F) -> Result<bool>
    where
        F: Fn(&mut Engine) -> relais_core::Result<bool> + Send + Sync + Clone + 'static,
    {
        self.wait_until(self.deadline, condition).await
    }

    /// Like [`Session::wait`], for a device that is cut off and comes back.
    ///
    /// # Errors
    /// Those of `condition`.
    pub async fn wait_frozen<F>(&mut self, condition: F) -> Result<bool>
    where
        F: Fn(&mut Engine) -> relais_core::Result<bool> + Send + Sync + Clone + 'static,
    {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match &mut self.inner {
            Inner::Online(client) => Ok(client.wait_until(left, condition).await?),
            Inner::Offline(engine) => Ok(condition(engine)?),
            Inner::Closed => Err(Error::Closed.into()),
        }
    }

    async fn wait_until<F>(&mut self, deadline: Instant, condition: F) -> Result<bool>
    where
        F: Fn(&mut Engine) -> relais_core::Result<bool> + Send + Sync + Clone + 'static,
    {
        let client = match &mut self.inner {
            Inner::Online(client) => client,
            Inner::Offline(engine) => return Ok(condition(engine)?),
            Inner::Closed => return Err(Error::Closed.into()),
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if client.wait_until(left.min(LOOK), condition.clone()).await? {
                return Ok(true);
            }
            let cut_off = client.call(|engine| Ok(is_cut_off(engine))).await?;
            if left.is_zero() || cut_off {
                return Ok(false);
            }
        }
    }

    /// Brings the device up to date before something is shown or decided, as far as
    /// the server can be reached.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], [`Error::EnrolmentRefused`], [`Failure::Network`]
    /// while the enrolment has no answer.
    pub async fn freshen(&mut self) -> Result<bool> {
        // What is here can still be read.
        let lapsed = self
            .call(|e| Ok(*e.enrolment() == Enrolment::Lapsed))
            .await?;
        if !lapsed && !self.enrolled().await? {
            return Err(Failure::Network(
                "the server has not answered this device's enrolment yet: relais sync".into(),
            ));
        }
        let fresh = !lapsed && self.is_online() && {
            let patience = self.deadline.min(Instant::now() + UNREACHED);
            self.wait_until(patience, |e| Ok(e.phase() != Phase::Offline))
                .await?
                && self.wait(|e| Ok(e.sync_state()?.caught_up)).await?
        };
        self.fresh = Some(fresh);
        Ok(fresh)
    }

    /// Waits until this device is enrolled.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`] when no link was given, [`Error::EnrolmentRefused`].
    pub async fn enrolled(&mut self) -> Result<bool> {
        self.wait(|e| Ok(*e.enrolment() != Enrolment::Joining))
            .await?;
        let state = self.call(|e| Ok(e.enrolment().clone())).await?;
        match state {
            Enrolment::Enrolled => Ok(true),
            Enrolment::Joining | Enrolment::Comparing => Ok(false),
            Enrolment::None => {
                let troubles = self.call(|e| Ok(e.troubles().to_vec())).await?;
                match troubles.contains(&Trouble::Wiped) {
                    true => Err(Failure::Wiped),
                    false => Err(Failure::NoProfile),
                }
            }
            Enrolment::Lapsed => Err(Failure::Lapsed),
            Enrolment::Refused(code) => {
                let code = relais_core::wire::RefusalCode::try_from(code).unwrap_or_default();
                Err(Error::EnrolmentRefused(code).into())
            }
        }
    }

    /// Runs a command that changes something, after catching up; without, when the
    /// server is not reached soon, and then once more if what it names was not here
    /// or not allowed yet.
    ///
    /// # Errors
    /// Those of `work`, and of [`Session::freshen`].
    pub async fn act<T, F>(&mut self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Engine) -> Result<T> + Clone + Send + 'static,
    {
        self.freshen().await?;
        match self.call(work.clone()).await {
            Err(failure) if failure.may_be_stale() && self.fresh == Some(false) => {
                let reached = self.wait(|e| Ok(e.sync_state()?.caught_up)).await?;
                if !reached {
                    return Err(failure);
                }
                self.fresh = Some(true);
                self.call(work).await
            }
            result => result,
        }
    }

    /// Waits until an item of a thread has reached the log, or failed; what it
    /// looks like then. `None` when nothing matches (any more).
    ///
    /// # Errors
    /// Of the engine.
    pub async fn outcome<F>(
        &mut self,
        channel: ChannelId,
        after_seq: u64,
        matches: F,
    ) -> Result<Option<TimelineItem>>
    where
        F: Fn(&TimelineItem) -> bool + Send + Sync + Clone + 'static,
    {
        let find = move |engine: &Engine| -> relais_core::Result<Option<TimelineItem>> {
            let items = engine.timeline(channel, after_seq, ALL)?;
            Ok(items.into_iter().find(|item| matches(item)))
        };
        let look = find.clone();
        let settled = move |engine: &mut Engine| {
            Ok(look(engine)?.is_none_or(|item| {
                !matches!(item.state, EventState::Waiting | EventState::InFlight)
            }))
        };
        self.wait(settled).await?;
        self.call(move |engine| Ok(find(engine)?)).await
    }

    /// Where the synchronisation stands, and what needs attention.
    ///
    /// # Errors
    /// Of the engine.
    pub async fn state(&mut self) -> Result<(SyncState, Vec<Trouble>)> {
        self.call(|e| Ok((e.sync_state()?, e.troubles().to_vec())))
            .await
    }

    /// Closes the database. Always called, also after a failure.
    ///
    /// # Errors
    /// Of closing the database.
    pub async fn close(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.inner, Inner::Closed) {
            Inner::Online(client) => {
                if client.call(|e| Ok(e.phase())).await? == Phase::Ready {
                    tokio::time::sleep(FAREWELL).await;
                }
                Ok(client.shutdown().await?)
            }
            Inner::Offline(engine) => Ok(engine.close()?),
            Inner::Closed => Ok(()),
        }
    }
}

/// Waiting longer would not help: this device is not served any more.
fn is_cut_off(engine: &Engine) -> bool {
    let lasting = |trouble: &Trouble| {
        matches!(
            trouble,
            Trouble::Frozen
                | Trouble::Revoked
                | Trouble::Wiped
                | Trouble::Lapsed
                | Trouble::UpdateNeeded
        )
    };
    matches!(engine.enrolment(), Enrolment::Refused(_)) || engine.troubles().iter().any(lasting)
}
