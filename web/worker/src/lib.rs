//! The core in a browser's dedicated worker: the engine over SQLCipher on OPFS, with a driver
//! of the browser's WebSocket, `fetch` and timers.
//!
//! Owns: opening the database in OPFS, the connection, the calls by name. Leaves to the
//! worker's script (`web/app/src/worker`): who may open it (one tab), where the database's key
//! comes from, messages to and from the page. Leaves every decision about content and order
//! to the engine.
//!
//! # Layout
//! - `core`: what the script holds. `calls`: the façade's calls by name.
//! - `driver`: inputs in, outputs out, sleep until something is due. `socket`, `requests`,
//!   `timer`: the browser's.
//! - `database`: SQLCipher on OPFS. `pin`: a key from a short code.

#[cfg(target_arch = "wasm32")]
mod calls;
#[cfg(target_arch = "wasm32")]
mod core;
#[cfg(target_arch = "wasm32")]
mod database;
#[cfg(target_arch = "wasm32")]
mod driver;
#[cfg(target_arch = "wasm32")]
mod pin;
#[cfg(target_arch = "wasm32")]
mod requests;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod timer;

#[cfg(test)]
mod tests {
    /// `cargo run -p relais-web --bin relais-web-types > web/app/src/lib/relais/types.ts`
    #[test]
    fn the_page_has_the_types_of_this_core() {
        let page = include_str!("../../app/src/lib/relais/types.ts");
        assert_eq!(page, relais_mobile::table::typescript());
    }
}
