//! The browser's WebSocket.

use std::rc::Rc;

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use relais_wire::limits;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, MessageEvent, WebSocket};

use crate::driver::Driver;

/// A socket, until it is dropped; what it says then is not heard any more.
pub(crate) struct Socket {
    socket: WebSocket,
    open: std::cell::Cell<bool>,
    _opened: Closure<dyn FnMut(JsValue)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(JsValue)>,
}

impl Socket {
    /// Connects; the driver is told under this number.
    pub(crate) fn connect(driver: &Rc<Driver>, number: u64, server_url: &str) -> Option<Self> {
        let url = format!("{}/v1/ws", server_url.replacen("http", "ws", 1));
        let socket = WebSocket::new(&url).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let heard = Rc::downgrade(driver);
        let opened = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            heard.upgrade().inspect(|driver| driver.opened(number));
        });
        let heard = Rc::downgrade(driver);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(driver) = heard.upgrade() else {
                return;
            };
            match frame(&event.data()) {
                Some(frame) => driver.received(number, frame),
                None => driver.closed(number), // No server of ours says that.
            }
        });
        let heard = Rc::downgrade(driver);
        let closed = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            heard.upgrade().inspect(|driver| driver.closed(number));
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        // An error is always followed by the end.
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Some(Self {
            socket,
            open: std::cell::Cell::new(false),
            _opened: opened,
            _message: message,
            _closed: closed,
        })
    }

    /// The server accepted: frames can go.
    pub(crate) fn opened(&self) {
        self.open.set(true);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Sends; whether the browser took it.
    pub(crate) fn send(&self, frame: &[u8]) -> bool {
        self.socket.send_with_u8_array(frame).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

fn frame(data: &JsValue) -> Option<Bytes> {
    let buffer = data.dyn_ref::<ArrayBuffer>()?;
    let fits = buffer.byte_length() as usize <= limits::FRAME_BYTES;
    fits.then(|| Uint8Array::new(buffer).to_vec().into())
}
