//! What the library logs: lines about its own work, without ids, addresses or content. An
//! app may hand them to the system's log.

use std::fmt::Write as _;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::error::PlatformError;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something was odd and is dealt with.
    Warning,
    /// What goes on.
    Info,
    /// For the library's developers.
    Debug,
}

impl LogLevel {
    fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// Where lines go.
#[uniffi::export(foreign)]
pub trait PlatformLogger: Send + Sync {
    /// One line. Called on a thread that does nothing else, one call after the other; a
    /// failure is ignored. Of a logger that is slow, lines are dropped.
    fn log(&self, level: LogLevel, line: String) -> Result<(), PlatformError>;
}

/// Lines that wait for a logger.
const WAITING: usize = 256;

struct Sink {
    lines: SyncSender<(LogLevel, String)>,
    least: LogLevel,
}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Hands the library's lines, of this level and more important ones, to a logger, in the
/// place of an earlier one. Counts for the whole process.
#[uniffi::export]
pub fn set_logger(logger: Arc<dyn PlatformLogger>, least: LogLevel) {
    let (lines, waiting) = sync_channel(WAITING);
    // A logger may take its time, or call the library: not on a thread that others need. The
    // thread ends when another logger takes its place.
    let hand_over = move || {
        for (level, line) in waiting {
            let _ = logger.log(level, line);
        }
    };
    let _ = std::thread::Builder::new()
        .name("relais-log".into())
        .spawn(hand_over);
    let sink = Sink { lines, least };
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    let lines = tracing_subscriber::registry().with(Lines);
    // A second call finds the first one's.
    let _ = tracing::subscriber::set_global_default(lines);
}

struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // What libraries below say may name addresses.
        if !event.metadata().target().starts_with("relais") {
            return;
        }
        let level = LogLevel::of(*event.metadata().level());
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = sink.as_ref().filter(|sink| level <= sink.least) else {
            return;
        };
        let mut line = Line::default();
        event.record(&mut line);
        let _ = sink.lines.try_send((level, line.0));
    }
}

/// The text of an event and its code; other fields could say too much.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "code" => _ = write!(self.0, " ({value})"),
            "message" => self.0.insert_str(0, value),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Sender;
    use std::time::Duration;

    use super::*;

    struct Kept(Mutex<Sender<(LogLevel, String)>>);

    impl PlatformLogger for Kept {
        fn log(&self, level: LogLevel, line: String) -> Result<(), PlatformError> {
            let kept = self.0.lock().expect("kept");
            kept.send((level, line)).expect("somebody reads");
            Err(PlatformError::Unexpected)
        }
    }

    #[test]
    fn a_line_has_its_text_and_its_code_and_nothing_else() {
        let (kept, lines) = std::sync::mpsc::channel();
        set_logger(Arc::new(Kept(Mutex::new(kept))), LogLevel::Warning);
        tracing::warn!(target: "relais_core", code = "database", patient = "Mme Durand", "a step failed");
        tracing::info!(target: "relais_core", "too small");
        tracing::error!(target: "hyper", "of another library");
        tracing::error!(target: "relais_mobile", "the last one");
        let line = || lines.recv_timeout(Duration::from_secs(60)).expect("a line");
        let first = (LogLevel::Warning, "a step failed (database)".to_owned());
        assert_eq!(line(), first);
        assert_eq!(line(), (LogLevel::Error, "the last one".to_owned()));
    }
}
