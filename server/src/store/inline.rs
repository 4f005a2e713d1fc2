//! Writes without a thread: each is executed and durable before `submit` returns, so
//! that a simulation on one thread repeats every run. Waiting acknowledgements are
//! written by `expire` and `close` alone: a crash repeats deliveries.

use std::sync::{Mutex, PoisonError};

use super::StoreError;
use super::engine::Engine;
use super::kv::Backend;

/// See the module's head.
pub struct Inline<B>(Mutex<Option<Box<Engine<B>>>>);

impl<B: Backend> Inline<B> {
    /// Over an opened engine.
    pub fn new(engine: Engine<B>) -> Self {
        Self(Mutex::new(Some(Box::new(engine))))
    }

    /// Executes `operation` in a group of its own.
    pub fn submit<T>(
        &self,
        operation: impl FnOnce(&mut Engine<B>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = engine.as_mut().ok_or(StoreError::Closed)?;
        let result = engine.run(operation);
        engine.commit().and(result)
    }

    /// Takes no more writes and closes the backend.
    pub fn shut(&self) {
        let engine = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(engine) = engine {
            engine.shared.backend.close();
        }
    }
}
