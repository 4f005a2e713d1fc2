//! Why somebody may not do something.

macro_rules! denials {
    ($($(#[$doc:meta])* $name:ident $code:literal $text:literal)*) => {
        /// Why somebody may not do something: a sentence for a developer or a terminal, and a
        /// stable code for what an app shows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum Denial {
            $($(#[$doc])* #[error($text)] $name,)*
        }

        impl Denial {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Stable code, for scripts and translations.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

denials! {
    /// Of a thread's circle or group.
    NotManager "not_manager" "only a manager of the thread can do this"
    /// Every manager of the thread has left or lost their devices.
    NoManagerReachable "no_manager_reachable" "no manager of the thread can be reached: make somebody who can one first"
    /// Somebody must be able to manage the thread for good.
    LastManager "last_manager" "the thread needs a manager without an end: make somebody else one first"
    /// Nobody removes themselves.
    RemovesOneself "removes_oneself" "another manager removes you"
    /// Nobody shares the past with themselves.
    SharesWithOneself "shares_with_oneself" "another manager shares the past with you"
    /// Who opens threads.
    NotProfessional "not_professional" "only a professional or coordinator opens a thread"
    /// Readers do not write.
    Role "role" "your role in this thread does not allow it"
    /// A channel takes the contents of its kind.
    ContentKind "content_kind" "this thread does not hold such content"
    /// The thread cannot be written in any more.
    ThreadClosed "thread_closed" "this thread is closed on this device"
    /// Nobody needs to ask for it to come back.
    GoesOnByItself "goes_on_by_itself" "this thread goes on by itself"
    /// Somebody took, declined or did it meanwhile.
    TaskState "task_state" "the task is not in a state that allows it"
    /// It was closed, or reopened, meanwhile.
    WoundState "wound_state" "the wound is not in a state that allows it"
    /// Only a receiver acknowledges a handover.
    NotReceiver "not_receiver" "the handover is addressed to somebody else"
    /// There is nothing to ask for again.
    NothingGivenUp "nothing_given_up" "nothing is missing that was given up"
    /// Of people and devices.
    NotCoordinator "not_coordinator" "only a coordinator can do this"
    /// The person's key stays where it was made.
    LinkedDevice "linked_device" "a linked device cannot do this; use the one that you enrolled first"
    /// A bound of the practice.
    TooManyDevices "too_many_devices" "you have as many devices as are allowed; revoke one first"
    /// It was revoked before.
    DeviceRevoked "device_revoked" "the device is revoked already"
    /// They were revoked, or left.
    PersonLeft "person_left" "this person has left already"
    /// Their enrolment waits for a coordinator.
    Unconfirmed "unconfirmed" "nobody has confirmed them yet"
    /// There is nothing to appoint.
    CoordinatorAlready "coordinator_already" "they are a coordinator already"
    /// There is nothing to end.
    NoCoordinator "no_coordinator" "they are no coordinator"
    /// Somebody must be left.
    LastCoordinator "last_coordinator" "they are the only coordinator: appoint another one first"
    /// A key whose standing was ended is not certified again.
    StandingEnded "standing_ended" "their standing was ended: invite them again, so that they have a new key"
    /// A coordinator's key is the root's to replace.
    StandingFirst "standing_first" "end their standing with the root's key first, invite them, then appoint them again"
    /// The database was neither restored nor copied.
    NeedsNoReturn "needs_no_return" "this device needs no return"
    /// Of the practice's root key.
    RootElsewhere "root_elsewhere" "the root's key is not on this device: use the recovery kit"
    /// Nothing gives the root key back yet.
    RecoveryUnproved "recovery_unproved" "make a recovery kit or shares and confirm them first"
    /// One coordinator alone replaces no root.
    TwoCoordinators "two_coordinators" "it takes two coordinators, or the root's key or kit"
    /// It was carried out, or the root is another one by now.
    ProposalClosed "proposal_closed" "this proposal is not open any more"
    /// Others agree to it.
    OwnProposal "own_proposal" "it is your own proposal"
    /// Its kit went with it.
    ProposerGone "proposer_gone" "the device that proposed it is gone"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_denial_has_a_code_of_its_own() {
        let codes: BTreeSet<&str> = Denial::ALL.iter().map(|denial| denial.code()).collect();
        assert_eq!(codes.len(), Denial::ALL.len());
    }
}
