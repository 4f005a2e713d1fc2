//! Wounds: opened, assessed, closed and reopened.

use relais_content::v1::{
    AreaSource, BodyPlace, BodySite, Date, WoundAssessed, WoundChange, WoundChanged, WoundOpened,
    WoundOrigin, content::Kind,
};
use relais_wire::ids::{ChannelId, EventId, WoundId};

use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::projection::wound_after;
use crate::query::WoundStatus;

/// A wound as it is opened.
#[derive(Debug, Clone)]
pub struct NewWound {
    /// What caused it.
    pub origin: WoundOrigin,
    /// Since when; month and day may be 0.
    pub onset: Option<Date>,
    /// Where on the body.
    pub site: BodySite,
    /// Where it is drawn on the body map.
    pub place: Option<BodyPlace>,
}

impl Engine {
    /// Opens a wound, to be followed by assessments and photos.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, [`Error::Unknown`] thread,
    /// [`Error::NotAllowed`] for a reader.
    pub fn open_wound(&mut self, channel: ChannelId, new: &NewWound) -> Result<WoundId> {
        let wound = WoundId(self.random()?);
        let opened = WoundOpened {
            wound_id: wound.to_bytes(),
            origin: new.origin.into(),
            onset: new.onset,
            site: Some(new.site.clone()),
            place: new.place,
        };
        self.write(channel, Kind::WoundOpened(opened))?;
        Ok(wound)
    }

    /// Writes down what was found of an open wound. Where no area is given, it is the length
    /// by the width, if both are. A photo must be one of this thread; it belongs to the
    /// wound's series from then on.
    ///
    /// # Errors
    /// [`Error::Unknown`] wound or photo, [`Error::NotAllowed`] for a wound that is closed,
    /// and those of [`Engine::open_wound`].
    pub fn assess_wound(
        &mut self,
        channel: ChannelId,
        mut found: WoundAssessed,
    ) -> Result<EventId> {
        let wound = WoundId::try_from(&found.wound_id).map_err(|_| Error::Unknown("wound"))?;
        if self.wound_record(channel, wound)?.status != WoundStatus::Open {
            return Err(Error::NotAllowed(Denial::WoundState));
        }
        if let Ok(photo) = EventId::try_from(&found.photo)
            && self.photo_record(channel, photo)?.is_none()
        {
            return Err(Error::Unknown("photo"));
        }
        if let (None, Some(length), Some(width)) = (found.area_mm2, found.length_mm, found.width_mm)
        {
            found.area_mm2 = Some(length.saturating_mul(width));
            found.area_source = AreaSource::Computed.into();
        }
        self.write(channel, Kind::WoundAssessed(found))
    }

    /// Closes a wound as healed, or for another reason, or reopens it. When two people act
    /// at once, the one whose act the log shows first counts.
    ///
    /// # Errors
    /// [`Error::Unknown`] wound, [`Error::NotAllowed`] when the wound is not in a state that
    /// may change so, and those of [`Engine::open_wound`].
    pub fn change_wound(
        &mut self,
        channel: ChannelId,
        wound: WoundId,
        change: WoundChange,
        reason: &str,
    ) -> Result<EventId> {
        let status = self.wound_record(channel, wound)?.status;
        if wound_after(status.number(), change).is_none() {
            return Err(Error::NotAllowed(Denial::WoundState));
        }
        let changed = WoundChanged {
            wound_id: wound.to_bytes(),
            change: change.into(),
            reason: reason.to_owned(),
        };
        self.write(channel, Kind::WoundChanged(changed))
    }
}
