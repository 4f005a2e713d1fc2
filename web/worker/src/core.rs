//! What the worker's script holds.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use relais_core::Engine;
use relais_mobile::{Relais, RelaisError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::calls::{self, to_js};
use crate::database;
use crate::driver::Driver;
use crate::timer::now_ms;

/// A device: its database, open, with its connection.
#[wasm_bindgen]
pub struct Core {
    relais: Relais,
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Core {
    /// Opens or makes the database with a raw key of 32 bytes and begins to drive it.
    /// `listener` is given arrays of events.
    ///
    /// # Errors
    /// A `RelaisError` of the page's types: `Retry` with the code `busy` while another
    /// worker has it open, `Fatal` with `wrong_key`, `UpdateNeeded`.
    pub async fn open(key: Vec<u8>, listener: Function, network: bool) -> Result<Core, JsValue> {
        let db = database::open(Zeroizing::new(key)).await;
        let engine = db.and_then(|db| Engine::open(db, now_ms()));
        let engine = Rc::new(RefCell::new(Some(engine.map_err(thrown)?)));
        Ok(Self {
            relais: Relais::new(engine.clone()),
            driver: Driver::start(engine, listener, network),
        })
    }

    /// Makes a call of the façade.
    ///
    /// # Errors
    /// A `RelaisError` of the page's types.
    pub fn call(&self, name: &str, args: JsValue) -> Result<JsValue, JsValue> {
        let answer = calls::call(&self.relais, name, args);
        self.driver.look();
        answer.map_err(thrown)
    }

    /// What the browser says of the network.
    #[wasm_bindgen(js_name = setNetwork)]
    pub fn set_network(&self, there: bool) {
        self.driver.set_network(there);
    }

    /// Ends the connection and closes the database.
    ///
    /// # Errors
    /// A `RelaisError` of the page's types.
    pub fn close(&self) -> Result<(), JsValue> {
        self.driver.close().map_err(thrown)
    }
}

fn thrown(error: impl Into<RelaisError>) -> JsValue {
    to_js(&error.into())
}
