//! From a view to what a person or a script reads. A view is a plain record that
//! serde writes as JSON and that says of itself what its plain text is.

pub mod json;
pub mod plain;

use serde::Serialize;

pub use plain::Text;

/// What a command shows.
pub trait View: Serialize {
    /// Writes it for people.
    fn plain(&self, text: &mut Text);

    /// Exit code; 0 unless the view itself says that something went wrong.
    fn exit(&self) -> u8 {
        0
    }

    /// Whether it says already that something waits for a connection.
    fn says_queued(&self) -> bool {
        false
    }
}

/// A command's result, in both forms.
pub struct Shown {
    /// For scripts.
    pub json: serde_json::Value,
    /// For people.
    pub text: Text,
    /// Exit code.
    pub exit: u8,
    /// See [`View::says_queued`].
    pub says_queued: bool,
}

impl<V: View> From<V> for Shown {
    fn from(view: V) -> Self {
        let mut text = Text::default();
        view.plain(&mut text);
        Self {
            json: json::value(&view),
            text,
            exit: view.exit(),
            says_queued: view.says_queued(),
        }
    }
}
