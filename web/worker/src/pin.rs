//! A key from a short code.

use argon2::{Algorithm, Argon2, Params, Version};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// Argon2id with 19 MiB, two passes, one lane (OWASP's first choice): what makes each guess
/// of a code dear. The code alone is never enough: the answer is combined with a key that
/// the browser does not give away.
///
/// # Errors
/// For a salt of fewer than 8 bytes.
#[wasm_bindgen(js_name = stretchPin)]
pub fn stretch_pin(pin: Vec<u8>, salt: &[u8]) -> Result<Vec<u8>, JsError> {
    let pin = Zeroizing::new(pin);
    let params = Params::new(19 * 1024, 2, 1, Some(32)).map_err(|_| JsError::new("params"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut key = vec![0; 32];
    argon2
        .hash_password_into(&pin, salt, &mut key)
        .map_err(|_| JsError::new("salt"))?;
    Ok(key)
}
