//! The façade for phone apps, as an app uses it: over a real connection, with what the
//! app implements.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use relais_core::commands::{NewMember, NewThread};
use relais_mobile::error::PlatformError;
use relais_mobile::events::RelaisEvent;
use relais_mobile::listener::EventListener;
use relais_mobile::platform::{Platform, SecretStore};
use relais_mobile::records::content::{Content, Laterality, Priority, TaskChange};
use relais_mobile::records::state::{ConnectionPhase, Enrolment};
use relais_mobile::records::tasks::{NewTask, TaskStatus};
use relais_mobile::records::threads::ThreadState;
use relais_mobile::records::timeline::{ItemBody, ItemState, TimelineItem};
use relais_mobile::runtime::Cancellation;
use relais_mobile::{Relais, RelaisError};
use relais_tests::app::{Network, Secrets, WorldClock};
use relais_tests::world::{StoreKind, World, card, photo};
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::link::Link;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// How often something is looked for before it counts as never coming.
const LOOKS: usize = 2_000;

struct Locked;

impl SecretStore for Locked {
    fn load(&self, _: String) -> Result<Option<Vec<u8>>, PlatformError> {
        Err(PlatformError::Locked)
    }

    fn store(&self, _: String, _: Vec<u8>) -> Result<(), PlatformError> {
        Err(PlatformError::Locked)
    }

    fn delete(&self, _: String) -> Result<(), PlatformError> {
        Err(PlatformError::Locked)
    }
}

/// An app that reads what it shows whenever it is told something.
#[derive(Default)]
struct Heard {
    relais: OnceLock<Weak<Relais>>,
    batches: Mutex<Vec<Vec<RelaisEvent>>>,
    /// Times that it read the state while it was told something.
    read: AtomicUsize,
    closed: AtomicBool,
    told: Notify,
}

impl EventListener for Heard {
    fn on_events(&self, events: Vec<RelaisEvent>) -> Result<(), PlatformError> {
        let relais = self.relais.get().and_then(Weak::upgrade);
        let relais = relais.ok_or(PlatformError::Unavailable)?;
        let read = Handle::current().block_on(relais.sync_state());
        self.read.fetch_add(read.is_ok().into(), Ordering::SeqCst);
        self.batches.lock().expect("batches").push(events);
        self.told.notify_one();
        Ok(())
    }

    fn on_closed(&self) -> Result<(), PlatformError> {
        self.closed.store(true, Ordering::SeqCst);
        self.told.notify_one();
        Ok(())
    }
}

impl Heard {
    /// Until it is told something, or for a moment: other devices of the world may wait for
    /// something that this one is not told of.
    async fn something(&self) {
        let _ = tokio::time::timeout(Duration::from_millis(50), self.told.notified()).await;
    }
}

/// A nurse's phone in a practice whose coordinator is device 0 of the world.
struct Phone {
    world: World,
    relais: Arc<Relais>,
    path: String,
    platform: Platform,
    network: Arc<Network>,
    clock: Arc<WorldClock>,
    heard: Arc<Heard>,
    _folder: tempfile::TempDir,
}

impl Phone {
    async fn new() -> Self {
        let world = World::new(StoreKind::Memory).await;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("relais.db").display().to_string();
        let network = Arc::new(Network(true.into()));
        let clock = Arc::new(WorldClock(world.now_ms().into()));
        let platform = Platform {
            secrets: Arc::new(Secrets::default()),
            connectivity: Some(network.clone()),
            clock: Some(clock.clone()),
        };
        let relais = Relais::open(path.clone(), platform.clone()).await;
        let relais = relais.expect("opened");
        let heard = Arc::new(Heard {
            relais: OnceLock::from(Arc::downgrade(&relais)),
            ..Heard::default()
        });
        relais.subscribe(heard.clone()).expect("subscribed");
        Self {
            world,
            relais,
            path,
            platform,
            network,
            clock,
            heard,
            _folder: folder,
        }
    }

    /// Until what the phone shows is so; the world goes on meanwhile.
    async fn until<T>(&mut self, what: &str, look: impl AsyncFn(&Relais) -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = look(&self.relais).await {
                return found;
            }
            self.world.settle().await;
            self.clock.0.store(self.world.now_ms(), Ordering::SeqCst);
            self.heard.something().await;
        }
        panic!("{what}: {:?}", self.relais.sync_state().await);
    }

    async fn enrol(&mut self) -> ProfessionalId {
        let engine = &mut self.world.devices[0].engine;
        let invitation = engine.invite(&card("Nadia", "Martin", 60, "99700218896"));
        let invitation = invitation.expect("invited");
        self.world.settle().await;
        let mut link: Link = invitation.link.parse().expect("a link");
        link.server_url = format!("http://{}", self.world.address());
        let joined = self.relais.join(link.to_string(), None).await;
        joined.expect("begun");
        self.until("confirmed", async |relais| {
            relais.whoami().await.ok().filter(|me| me.confirmed)
        })
        .await;
        invitation.professional
    }

    async fn thread(&mut self) -> (String, ChannelId) {
        let nurse = self.enrol().await;
        let new = NewThread {
            title: "Mme Durand".into(),
            header: None,
            members: vec![NewMember::care_team(nurse)],
        };
        let channel = self.world.devices[0].engine.create_thread(&new);
        let joined = async |relais: &Relais| {
            let threads = relais.threads().await.ok()?;
            let thread = threads.into_iter().next()?;
            (thread.state == ThreadState::Joined && thread.title == "Mme Durand")
                .then_some(thread.thread)
        };
        let thread = self.until("in the thread", joined).await;
        (thread, channel.expect("opened"))
    }

    fn batches(&self) -> Vec<Vec<RelaisEvent>> {
        self.heard.batches.lock().expect("batches").clone()
    }
}

/// The timeline, put together from pages of two entries from its end on.
async fn pages(relais: &Relais, thread: &str) -> Vec<TimelineItem> {
    let (mut items, mut before) = (Vec::new(), None);
    for _ in 0..LOOKS {
        let page = relais.timeline_before(thread.to_owned(), before, 2).await;
        let page = page.expect("a page");
        items.splice(0..0, page.items);
        before = page.before_seq;
        if before.is_none() {
            return items;
        }
    }
    panic!("pages without an end");
}

async fn states(relais: &Relais, thread: &str) -> Vec<ItemState> {
    let page = relais.timeline_before(thread.to_owned(), None, 50).await;
    let items = page.expect("a page").items.into_iter();
    let own = items.filter(|item| {
        matches!(
            &item.body,
            ItemBody::Event {
                content: Content::Message { .. },
                ..
            }
        )
    });
    own.map(|item| item.state).collect()
}

#[tokio::test]
async fn an_app_joins_writes_and_is_told() {
    let mut phone = Phone::new().await;
    assert_eq!(phone.relais.enrolment().await, Ok(Enrolment::None));
    let before = phone.relais.whoami().await;
    assert!(
        matches!(before, Err(RelaisError::ReEnrol { .. })),
        "{before:?}"
    );
    let (thread, channel) = phone.thread().await;
    let relais = phone.relais.clone();
    let text = relais.send_message(thread.clone(), "bonjour".into(), Priority::Normal, None);
    let event = text.await.expect("kept");
    let answer = relais.send_message(
        thread.clone(),
        "une question".into(),
        Priority::Urgent,
        Some(event),
    );
    answer.await.expect("kept");
    let sent = relais.send_photo(
        thread.clone(),
        photo(),
        "talon".into(),
        "talon".into(),
        Some(Laterality::Left),
        None,
    );
    sent.await.expect("kept");
    let new = NewTask {
        title: "Pansement".into(),
        detail: String::new(),
        owner: None,
        priority: Priority::Normal,
        due_ms: None,
        about: None,
    };
    let task = relais.create_task(thread.clone(), new).await.expect("kept");
    let taken = relais.change_task(thread.clone(), task, TaskChange::Taken, String::new());
    taken.await.expect("kept");
    phone
        .until("everything left", async |relais| {
            let state = relais.sync_state().await.ok()?;
            (state.caught_up && state.waiting == 0 && state.transfers == 0).then_some(())
        })
        .await;
    phone.world.settle().await;
    assert_eq!(phone.world.texts(0, channel), ["bonjour", "une question"]);
    let tasks = relais.tasks(thread.clone()).await.expect("tasks");
    assert_eq!(tasks.len(), 1);
    assert_eq!(
        (tasks[0].status, tasks[0].pending),
        (TaskStatus::Taken, false)
    );
    let page = relais.timeline_before(thread.clone(), None, 50).await;
    let items = page.expect("a page").items;
    let whole = relais.timeline_after(thread.clone(), 0, 1_000).await;
    assert_eq!(items, whole.expect("the timeline"));
    assert_eq!(
        pages(&relais, &thread).await,
        items,
        "two at a time, backwards"
    );
    let original = items.iter().find_map(|item| match &item.body {
        ItemBody::Event {
            content: Content::Photo { photo, .. },
            ..
        } => photo.clone(),
        _ => None,
    });
    let original = original.expect("shown");
    let progress = relais.photo_progress(original.clone()).await;
    let progress = progress.expect("known");
    assert_eq!(progress.done, progress.total);
    let jpeg = relais.photo(original.clone(), 1_000, None).await;
    assert!(jpeg.expect("here").starts_with(&[0xFF, 0xD8]));
    let batches = phone.batches();
    let events = batches.concat();
    for told in [
        RelaisEvent::Enrolled,
        RelaisEvent::ThreadsChanged,
        RelaisEvent::ThreadChanged { thread },
        RelaisEvent::PhotoChanged { photo: original },
        RelaisEvent::SyncChanged,
    ] {
        assert!(events.contains(&told), "{told:?}");
    }
    for batch in batches {
        assert!(!batch.is_empty());
        let doubled = batch.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(doubled, None, "told once: {batch:?}");
    }
    let read = phone.heard.read.load(Ordering::SeqCst);
    assert!(read > 0, "a listener may call the object that tells it");
    relais.shutdown_and_close().await.expect("closed");
}

#[tokio::test]
async fn what_is_written_without_a_network_leaves_at_once_with_one() {
    let mut phone = Phone::new().await;
    let (thread, channel) = phone.thread().await;
    let relais = phone.relais.clone();
    phone.network.0.store(false, Ordering::SeqCst);
    relais.network_changed().await.expect("told");
    let text = relais.send_message(thread.clone(), "sans réseau".into(), Priority::Normal, None);
    text.await.expect("kept");
    assert_eq!(states(&relais, &thread).await, [ItemState::Waiting]);
    let state = relais.sync_state().await.expect("state");
    assert_eq!(state.phase, ConnectionPhase::Offline);
    assert!(state.waiting >= 1, "{state:?}");
    // Waiting for it can be given up.
    let cancellation = Cancellation::new();
    cancellation.cancel();
    let waited = relais.wait_until_synced(60_000, Some(cancellation)).await;
    let code = waited.expect_err("cancelled").code().to_owned();
    assert_eq!(code, "cancelled");
    phone.network.0.store(true, Ordering::SeqCst);
    relais.network_changed().await.expect("told");
    phone
        .until("sent", async |relais| {
            let state = relais.sync_state().await.ok()?;
            (state.caught_up && state.waiting == 0).then_some(())
        })
        .await;
    phone.world.settle().await;
    assert_eq!(phone.world.texts(0, channel), ["sans réseau"]);
    relais.shutdown_and_close().await.expect("closed");
}

#[tokio::test]
async fn a_database_is_open_once_and_closed_for_good() {
    let phone = Phone::new().await;
    let relais = phone.relais.clone();
    relais
        .set_setting("language".into(), Some("fr".into()))
        .await
        .expect("kept");
    let second = Relais::open(phone.path.clone(), phone.platform.clone()).await;
    assert_eq!(second.err().expect("open already").code(), "busy");
    relais.shutdown_and_close().await.expect("closed");
    for _ in 0..LOOKS {
        if phone.heard.closed.load(Ordering::SeqCst) {
            break;
        }
        phone.heard.something().await;
    }
    assert!(phone.heard.closed.load(Ordering::SeqCst), "told last");
    let after = relais.threads().await.expect_err("closed");
    assert!(matches!(after, RelaisError::Fatal { .. }) && after.code() == "closed");
    let twice = relais.shutdown_and_close().await.expect_err("closed");
    assert_eq!(twice.code(), "closed");
    let wal = std::fs::metadata(format!("{}-wal", phone.path));
    assert!(wal.map_or(0, |file| file.len()) == 0, "one file");

    let open = async |secrets: Arc<dyn SecretStore>| {
        let platform = Platform {
            secrets,
            ..phone.platform.clone()
        };
        Relais::open(phone.path.clone(), platform).await
    };
    let locked = open(Arc::new(Locked)).await.err().expect("locked");
    assert!(matches!(locked, RelaisError::Retry { .. }), "{locked:?}");
    let lost = open(Arc::new(Secrets::default())).await.err();
    assert_eq!(lost.expect("no key").code(), "key_missing");
    let again = open(phone.platform.secrets.clone()).await.expect("opened");
    let language = again.setting("language".into()).await;
    assert_eq!(language.expect("kept").as_deref(), Some("fr"));
    again.shutdown_and_close().await.expect("closed");
    let secrets = phone.platform.secrets.clone();
    let forgotten = relais_mobile::relais::forget_database(phone.path.clone(), secrets).await;
    forgotten.expect("forgotten");
    let fresh = open(phone.platform.secrets.clone()).await.expect("new");
    assert_eq!(fresh.setting("language".into()).await, Ok(None));
    fresh.shutdown_and_close().await.expect("closed");
}

#[tokio::test]
async fn a_mistaken_call_names_its_field() {
    let mut phone = Phone::new().await;
    let (thread, _) = phone.thread().await;
    let relais = phone.relais.clone();
    let odd = relais.mark_read("../1".into(), 1).await;
    assert_eq!(field(odd), Some("thread".to_owned()));
    let empty = relais.send_message(thread.clone(), String::new(), Priority::Normal, None);
    assert_eq!(field(empty.await), Some("text".to_owned()));
    let broken = relais.send_photo(
        thread,
        vec![1, 2, 3],
        String::new(),
        String::new(),
        None,
        None,
    );
    let broken = broken.await.expect_err("no photo");
    assert_eq!(broken.code(), "photo_unsupported");
    relais.shutdown_and_close().await.expect("closed");
}

fn field<T: std::fmt::Debug>(result: Result<T, RelaisError>) -> Option<String> {
    match result.expect_err("refused") {
        RelaisError::Rejected { field, .. } => field,
        other => panic!("{other:?}"),
    }
}
