//! What a screen shows: plain records, read from the database, never waiting for
//! the network. What this device wrote and the log has not settled is included,
//! with its state.

mod cockpit;
#[cfg(test)]
mod cost;
mod failures;
mod lost;
mod open_tasks;
mod paging;
mod people;
mod push;
mod reachability;
mod search;
mod series;
pub mod settings;
mod tasks;
mod threads;
mod timeline;
mod to_do;
mod wounds;

pub use crate::identity::enrol::{Enrolment, WhoAmI};
pub use crate::identity::invite::Invitation;
pub use crate::projection::ProjectionRow;
pub use cockpit::{Cockpit, EndingMember, SilentThread};
pub use failures::FailedRecord;
pub use open_tasks::PlacedTask;
pub use paging::{TimelineAt, TimelineWindow};
pub use people::{DeviceRecord, PersonRecord};
pub use push::Push;
pub use reachability::Reachability;
pub use search::{SearchHit, SearchPage, SearchPlace, SnippetPart};
pub use series::{AreaChange, PhotoRecord, SeriesStep, WoundSeries};
pub use tasks::{HandoverRecord, ReceiverRecord, TaskRecord, TaskStatus};
pub use threads::{HeaderRecord, MemberRecord, ThreadRecord, ThreadState, UNREAD_MOST};
pub use timeline::{EventState, TimelineBody, TimelineItem};
pub use to_do::{Subject, ToDo, ToDoRow};
pub use wounds::{AssessmentRecord, WoundRecord, WoundStatus};
