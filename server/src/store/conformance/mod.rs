//! What every [`Store`] must do, as named checks that each implementation runs
//! ([`conformance!`]). Owns the checks; where the bytes live is a [`Ground`].

pub mod channels;
pub mod devices;
pub mod durability;
pub mod logs;
pub mod retention;
pub mod spans;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::v1::{Answer, Appended, ChannelEntry, answer};

use super::{
    Applied, Effect, NewChannel, NewCommit, NewMessage, NewReboot, Operation, Page, PublicState,
    Store, Write,
};

/// Where a store's bytes live.
pub trait Ground: Send + Sync {
    /// Opens the store.
    fn open(&self) -> Arc<dyn Store>;
    /// What a power cut at this moment leaves. Stores that are open on this
    /// ground may not be used any more.
    fn cut(&self) -> Box<dyn Ground>;
}

/// The server's clock in the checks.
pub const NOW: u64 = 1_790_000_000_000;

pub fn device_id(n: u16) -> DeviceId {
    let mut id = [0xD0; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    DeviceId(id)
}

pub fn channel_id(n: u8) -> ChannelId {
    ChannelId([n; 16])
}

/// The public state of an epoch, told apart by its bytes.
pub fn public(epoch: u64) -> PublicState {
    PublicState {
        group_info: format!("group info of epoch {epoch}").into(),
        ratchet_tree: format!("ratchet tree of epoch {epoch}").into(),
    }
}

/// A device that sends writes with counters that go up.
pub struct Device {
    pub id: DeviceId,
    pub store: Arc<dyn Store>,
    counter: AtomicU64,
    now_ms: AtomicU64,
}

impl Device {
    pub fn new(store: &Arc<dyn Store>, n: u16) -> Self {
        Self {
            id: device_id(n),
            store: store.clone(),
            counter: AtomicU64::new(0),
            now_ms: AtomicU64::new(NOW),
        }
    }

    /// The server's clock as this device's next writes meet it.
    pub fn at(&self, now_ms: u64) -> &Self {
        self.now_ms.store(now_ms, Ordering::Relaxed);
        self
    }

    /// A write that was not sent before.
    pub fn prepare(&self, operation: Operation) -> Write {
        let send_counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        Write {
            device: self.id,
            send_counter,
            request_hash: [send_counter as u8; 32],
            now_ms: self.now_ms.load(Ordering::Relaxed),
            operation,
        }
    }

    pub async fn send(&self, operation: Operation) -> Applied {
        let write = self.prepare(operation);
        self.store.write(write).await.expect("the store writes")
    }

    pub async fn create(&self, channel: ChannelId) -> Appended {
        let new = NewChannel {
            channel,
            state: public(0),
            structure_seq: 0,
            named: Vec::new(),
        };
        appended(&self.send(Operation::CreateChannel(new)).await)
    }

    pub async fn message(&self, channel: ChannelId, epoch: u64, event_counter: u64) -> Applied {
        self.send(message(channel, epoch, event_counter)).await
    }

    /// A commit that ends `epoch`.
    pub async fn commit(
        &self,
        channel: ChannelId,
        epoch: u64,
        joined: &[DeviceId],
        left: &[DeviceId],
    ) -> Applied {
        self.send(commit(channel, epoch, joined, left)).await
    }

    pub async fn read(&self, channel: ChannelId, after_seq: u64) -> Page {
        let page = self
            .store
            .read_channel(channel, self.id, after_seq, 1 << 20);
        page.await.expect("the store reads")
    }
}

pub fn message(channel: ChannelId, epoch: u64, event_counter: u64) -> Operation {
    Operation::AppendMessage(NewMessage {
        channel,
        incarnation: 0,
        epoch,
        payload: format!("message {event_counter}").into(),
        event_counter,
        event_id: EventId([9; 16]),
        blobs: Vec::new(),
        member_until_ms: None,
    })
}

pub fn commit(channel: ChannelId, epoch: u64, joined: &[DeviceId], left: &[DeviceId]) -> Operation {
    Operation::AppendCommit(NewCommit {
        channel,
        incarnation: 0,
        epoch,
        payload: format!("commit of epoch {epoch}").into(),
        structure_seq: 0,
        state: public(epoch + 1),
        joined: joined.to_vec(),
        left: left.to_vec(),
        ended: Vec::new(),
        named: Vec::new(),
        unnamed: Vec::new(),
        valid_until_ms: None,
        welcome: match joined.is_empty() {
            true => Bytes::new(),
            false => format!("welcome to epoch {}", epoch + 1).into(),
        },
    })
}

/// A reboot that ends `epoch` of `incarnation`.
pub fn reboot(channel: ChannelId, incarnation: u32, epoch: u64) -> Operation {
    Operation::RebootChannel(NewReboot {
        channel,
        incarnation,
        epoch,
        structure_seq: 0,
        state: public(100),
        valid_until_ms: None,
    })
}

/// The same commit with something else about it.
pub fn altered(commit: Operation, change: impl FnOnce(&mut NewCommit)) -> Operation {
    let Operation::AppendCommit(mut new) = commit else {
        panic!("a commit");
    };
    change(&mut new);
    Operation::AppendCommit(new)
}

/// Where a write was appended; panics when it was not.
pub fn appended(applied: &Applied) -> Appended {
    match &applied.answer.result {
        Some(answer::Result::Appended(appended)) => appended.clone(),
        other => panic!("not appended: {other:?}"),
    }
}

/// Why an answer refuses, if it does.
pub fn refused(answer: &Answer) -> Option<RefusalCode> {
    match &answer.result {
        Some(answer::Result::Refusal(refusal)) => RefusalCode::try_from(refusal.code).ok(),
        _ => None,
    }
}

pub fn seqs(entries: &[Arc<ChannelEntry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.seq).collect()
}

/// The devices whose inbox got something.
pub fn told(applied: &Applied) -> Vec<DeviceId> {
    let inbox = |effect: &Effect| match effect {
        Effect::Inbox(device) => Some(*device),
        _ => None,
    };
    applied.effects.iter().filter_map(inbox).collect()
}

/// Makes a test of each check for one implementation.
macro_rules! conformance {
    ($ground:expr) => {
        $crate::store::conformance::conformance! { $ground;
            channels: a_channel_begins_with_its_creation;
            channels: a_message_follows_the_head_and_chains_to_it;
            channels: time_never_goes_back_in_a_channel;
            channels: a_message_of_another_epoch_or_counter_is_refused;
            channels: who_is_not_a_member_now_cannot_write;
            channels: of_racing_commits_one_wins_and_no_losers_welcome_is_seen;
            channels: a_commit_or_channel_judged_by_an_old_structure_head_is_refused;
            channels: concurrent_appends_are_dense_and_in_order;
            spans: a_joiner_reads_from_its_commit_and_a_leaver_up_to_it;
            spans: a_device_added_again_has_two_spans_and_counts_on;
            spans: a_joiner_by_external_commit_reads_its_own_commit;
            spans: an_ended_membership_reads_up_to_its_end_even_if_removed_later;
            spans: a_reboot_closes_every_span_but_its_authors;
            spans: a_reboot_or_commit_judged_by_a_membership_that_ended_is_refused;
            spans: the_channels_that_name_somebody_are_listed_in_pages;
            spans: the_hash_of_each_entry_that_is_kept_is_told;
            spans: a_page_is_bounded_by_bytes_but_never_empty;
            spans: cursors_only_go_forward_and_never_beyond_the_head;
            devices: a_repetition_gets_the_same_answer_and_has_no_effect;
            devices: a_counter_is_used_for_one_request_only;
            devices: the_last_answers_are_remembered_across_gaps;
            devices: a_lease_is_passed_on_and_a_clone_is_noticed;
            devices: a_proved_connection_that_is_unknown_shows_a_restored_store;
            devices: no_key_package_is_handed_out_twice;
            devices: the_last_resort_comes_last_and_a_publication_replaces;
            devices: nobody_drains_the_others_key_packages;
            devices: welcomes_share_one_tree_until_all_have_it;
            devices: an_inbox_counts_on_and_is_bounded;
            logs: a_structure_is_founded_once;
            logs: the_structure_log_is_a_compare_and_set;
            logs: blobs_are_known_by_their_first_upload;
            logs: a_message_keeps_its_blobs_even_before_their_upload;
            durability: what_was_acknowledged_survives_a_power_cut;
            durability: answers_and_refusals_survive_a_power_cut;
            durability: close_writes_what_is_lazy;
            durability: large_values_come_back_whole;
            retention: entries_go_once_all_have_passed;
            retention: old_entries_go_even_unread;
            retention: a_log_goes_on_after_all_was_trimmed;
        }
    };
    ($ground:expr; $($group:ident: $check:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $check() {
            $crate::store::conformance::$group::$check(&$ground).await;
        }
    )*};
}
pub(crate) use conformance;
