//! A storage provider that keeps nothing: a public group is rebuilt from the bytes
//! in our own store (architecture D5), and openmls still asks for one.

use std::convert::Infallible;

use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::traits;

/// See the module's head.
pub struct NoStorage;

macro_rules! writes {
    ($($name:ident<$($kind:ident),*>($($arg:ident: $of:ident),*);)*) => {$(
        fn $name<$($kind: traits::$kind<V>),*>(&self, $($arg: &$of),*) -> Result<(), Infallible> {
            $(let _ = $arg;)*
            Ok(())
        }
    )*};
}

macro_rules! reads {
    ($($name:ident -> $what:ident;)*) => {$(
        fn $name<GroupId: traits::GroupId<V>, $what: traits::$what<V>>(
            &self,
            _: &GroupId,
        ) -> Result<Option<$what>, Infallible> {
            Ok(None)
        }
    )*};
}

impl<const V: u16> PublicStorageProvider<V> for NoStorage {
    type PublicError = Infallible;

    writes! {
        write_tree<GroupId, TreeSync>(id: GroupId, tree: TreeSync);
        write_interim_transcript_hash<GroupId, InterimTranscriptHash>(
            id: GroupId, hash: InterimTranscriptHash);
        write_context<GroupId, GroupContext>(id: GroupId, context: GroupContext);
        write_confirmation_tag<GroupId, ConfirmationTag>(id: GroupId, tag: ConfirmationTag);
        queue_proposal<GroupId, ProposalRef, QueuedProposal>(
            id: GroupId, reference: ProposalRef, proposal: QueuedProposal);
        delete_tree<GroupId>(id: GroupId);
        delete_context<GroupId>(id: GroupId);
        delete_interim_transcript_hash<GroupId>(id: GroupId);
        delete_confirmation_tag<GroupId>(id: GroupId);
        remove_proposal<GroupId, ProposalRef>(id: GroupId, reference: ProposalRef);
        clear_proposal_queue<GroupId, ProposalRef>(id: GroupId);
    }

    reads! {
        tree -> TreeSync;
        group_context -> GroupContext;
        interim_transcript_hash -> InterimTranscriptHash;
        confirmation_tag -> ConfirmationTag;
    }

    fn queued_proposals<
        GroupId: traits::GroupId<V>,
        ProposalRef: traits::ProposalRef<V>,
        QueuedProposal: traits::QueuedProposal<V>,
    >(
        &self,
        _: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, Infallible> {
        Ok(Vec::new())
    }
}
