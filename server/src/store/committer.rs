//! One thread per store that makes writes durable in groups: whatever waits is
//! executed, written with one commit, and answered together. Owns the queue and
//! the thread; what a write does is the engine's.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::StoreError;
use super::engine::Engine;
use super::kv::Backend;

/// Writes that may wait at once; more wait outside, without memory of their own.
const QUEUE: usize = 1024;
/// A group ends when it has this much to write: bounds memory and the time that
/// its first write waits for the others.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Answers one waiter once its group's fate is known.
type Completion = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Executes one write.
type Job<B> = Box<dyn FnOnce(&mut Engine<B>) -> Completion + Send>;

struct State<B> {
    jobs: VecDeque<Job<B>>,
    /// No more jobs are taken; the thread ends when none is left.
    shut: bool,
    /// The thread should look at the acknowledgements.
    poked: bool,
    finished: Option<oneshot::Sender<()>>,
}

struct Queue<B> {
    state: Mutex<State<B>>,
    ready: Condvar,
}

impl<B> Queue<B> {
    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handle on the thread. Dropping it ends the thread after the waiting writes,
/// without writing what is lazy.
pub struct Committer<B> {
    queue: Arc<Queue<B>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl<B: Backend> Committer<B> {
    /// Starts the thread.
    pub fn start(engine: Engine<B>) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                shut: false,
                poked: false,
                finished: None,
            }),
            ready: Condvar::new(),
        });
        let work = queue.clone();
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || run(engine, &work))
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(QUEUE)),
            thread: Some(thread),
        })
    }

    /// Executes `operation` in the next group; resolves when the group is durable.
    /// Once queued it is carried out even if the future is dropped.
    pub async fn submit<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Engine<B>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = self.room.clone().acquire_owned().await;
        let room = room.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.push(job(operation, answer, room))?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    fn push(&self, job: Job<B>) -> Result<(), StoreError> {
        let mut state = self.queue.state();
        if state.shut {
            return Err(StoreError::Closed);
        }
        let first = state.jobs.is_empty();
        state.jobs.push_back(job);
        drop(state);
        if first {
            self.queue.ready.notify_one();
        }
        Ok(())
    }

    /// Makes the thread look at the acknowledgements.
    pub fn poke(&self) {
        self.queue.state().poked = true;
        self.queue.ready.notify_one();
    }

    /// Takes no more writes; resolves when the waiting ones are done and the
    /// backend is closed.
    pub async fn shut(&self) {
        let (finished, wait) = oneshot::channel();
        {
            let mut state = self.queue.state();
            // Shut before this only if the thread has ended.
            if state.shut {
                return;
            }
            state.shut = true;
            state.finished = Some(finished);
        }
        self.queue.ready.notify_one();
        // An error means that the thread panicked.
        wait.await.ok();
    }
}

impl<B> Drop for Committer<B> {
    fn drop(&mut self) {
        self.queue.state().shut = true;
        self.queue.ready.notify_one();
        if let Some(thread) = self.thread.take() {
            // An error means that it panicked: its waiters were told `Closed`.
            thread.join().ok();
        }
    }
}

fn job<B: Backend, T: Send + 'static>(
    operation: impl FnOnce(&mut Engine<B>) -> Result<T, StoreError> + Send + 'static,
    answer: oneshot::Sender<Result<T, StoreError>>,
    room: OwnedSemaphorePermit,
) -> Job<B> {
    Box::new(move |engine| {
        let result = engine.run(operation);
        Box::new(move |written| {
            drop(room);
            // An error means that the waiter is gone; the write is done anyway.
            answer.send(written.and(result)).ok();
        })
    })
}

/// Shuts the queue when the thread ends, also by a panic: nobody may wait for a
/// thread that is gone.
struct Ending<'a, B>(&'a Queue<B>);

impl<B> Drop for Ending<'_, B> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.shut = true;
        let (jobs, finished) = (std::mem::take(&mut state.jobs), state.finished.take());
        drop(state);
        drop(jobs);
        if let Some(finished) = finished {
            finished.send(()).ok();
        }
    }
}

fn run<B: Backend>(mut engine: Engine<B>, queue: &Queue<B>) {
    let _ending = Ending(queue);
    let mut waiting = VecDeque::new();
    let mut completions = Vec::new();
    loop {
        let shut = waiting.is_empty() && wait(&mut engine, queue, &mut waiting);
        if shut && waiting.is_empty() {
            break;
        }
        let due = engine.acknowledgements_due();
        if due.is_some_and(|due| due <= Instant::now()) {
            engine.take_acknowledgements();
        }
        while let Some(job) = waiting.pop_front() {
            completions.push(job(&mut engine));
            if engine.group_bytes() > GROUP_BYTES {
                break;
            }
        }
        let written = engine.commit();
        if let Err(error) = &written {
            tracing::error!(%error, writes = completions.len(), "group not written");
        }
        for complete in completions.drain(..) {
            complete(written.clone());
        }
    }
    engine.shared.backend.close();
}

/// Waits for writes or for the time to write acknowledgements; true when the
/// queue is shut.
fn wait<B: Backend>(
    engine: &mut Engine<B>,
    queue: &Queue<B>,
    waiting: &mut VecDeque<Job<B>>,
) -> bool {
    let mut state = queue.state();
    loop {
        if !state.jobs.is_empty() || state.shut {
            std::mem::swap(&mut state.jobs, waiting);
            return state.shut;
        }
        state.poked = false;
        state = match engine.acknowledgements_due() {
            None => {
                let woken =
                    |state: &mut State<B>| state.jobs.is_empty() && !state.shut && !state.poked;
                let woken = queue.ready.wait_while(state, woken);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return false;
                }
                let woken = queue.ready.wait_timeout(state, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
