//! Who is in a thread.

use relais_core::wire::ids::{ChannelId, ProfessionalId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::threads::{Member, NewMember, PastShared};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// The circle of a thread, by name. Fails with `Rejected` for a thread that is not
    /// known.
    pub async fn members(&self, thread: String) -> Result<Vec<Member>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            Ok(engine
                .members(channel)?
                .into_iter()
                .map(Into::into)
                .collect())
        })
        .await
    }

    /// Adds somebody with all their devices, or changes their role or end. Fails with
    /// `Rejected` unless the person is a manager, or naming the field.
    pub async fn add_member(&self, thread: String, member: NewMember) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let member = member.core()?;
        self.call(move |engine| Ok(engine.add_member(channel, &member)?))
            .await
    }

    /// Removes somebody with all their devices: they receive the removal and nothing after
    /// it. Fails with `Rejected` unless the person is a manager, and for the last lasting
    /// manager.
    pub async fn remove_member(&self, thread: String, person: String) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.remove_member(channel, person)?))
            .await
    }

    /// Shares the past of a thread with a member; everybody sees it. Fails with `Rejected`
    /// unless the person is a manager and somebody else is meant.
    pub async fn share_past(
        &self,
        thread: String,
        person: String,
        past: PastShared,
    ) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.share_history(channel, person, past.into())?))
            .await
    }

    /// Leaves the circle as the server has it, where a restored server forgot a change that
    /// nobody makes again: what waits is then said to whoever is in now. Fails with
    /// `Rejected` when no change is missing.
    pub async fn accept_circle(&self, thread: String) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.accept_circle(channel)?))
            .await
    }
}
