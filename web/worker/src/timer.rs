//! The browser's timers and clocks.

use std::cell::Cell;

use js_sys::global;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel};

/// What a worker's script sees as `self`.
pub(crate) fn worker() -> DedicatedWorkerGlobalScope {
    global().unchecked_into()
}

/// Milliseconds since the Unix epoch, by the device's clock.
pub(crate) fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// Milliseconds of a clock that does not jump.
pub(crate) fn elapsed_ms() -> u64 {
    worker()
        .performance()
        .map_or_else(now_ms, |clock| clock.now() as u64)
}

/// Calls something later: one call is due at a time.
pub(crate) struct Timer {
    call: Closure<dyn FnMut()>,
    set: Cell<Option<i32>>,
}

impl Timer {
    pub(crate) fn new(call: impl FnMut() + 'static) -> Self {
        Self {
            call: Closure::new(call),
            set: Cell::new(None),
        }
    }

    /// Calls in so many milliseconds, and not when it was set before.
    pub(crate) fn set(&self, ms: u64) {
        self.clear();
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        let call = self.call.as_ref().unchecked_ref();
        let set = worker().set_timeout_with_callback_and_timeout_and_arguments_0(call, ms);
        self.set.set(set.ok());
    }

    pub(crate) fn clear(&self) {
        if let Some(set) = self.set.take() {
            worker().clear_timeout_with_handle(set);
        }
    }
}

/// Calls something as soon as what has arrived meanwhile was dealt with: a timer would wait
/// for at least four milliseconds.
pub(crate) struct Soon {
    channel: Option<MessageChannel>,
    asked: Cell<bool>,
    _call: Closure<dyn FnMut(JsValue)>,
}

impl Soon {
    pub(crate) fn new(mut call: impl FnMut() + 'static) -> Self {
        let channel = MessageChannel::new().ok();
        let call = Closure::<dyn FnMut(JsValue)>::new(move |_| call());
        if let Some(channel) = &channel {
            let heard = call.as_ref().unchecked_ref();
            channel.port1().set_onmessage(Some(heard));
        }
        Self {
            channel,
            asked: Cell::new(false),
            _call: call,
        }
    }

    pub(crate) fn ask(&self) {
        if !self.asked.replace(true)
            && let Some(channel) = &self.channel
        {
            let _ = channel.port2().post_message(&JsValue::NULL);
        }
    }

    /// The call has come.
    pub(crate) fn begun(&self) {
        self.asked.set(false);
    }
}
