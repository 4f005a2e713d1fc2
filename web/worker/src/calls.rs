//! The façade's calls by name, with JavaScript's values.

use futures_util::FutureExt;
use relais_mobile::table::*;
use relais_mobile::{Relais, for_each_call};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// A value as the page's types have it: nothing is `null`, numbers are numbers.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    let format = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    // Records of the façade have names for keys and no number beyond 2^53.
    value.serialize(&format).unwrap_or(JsValue::NULL)
}

fn from_js<T: DeserializeOwned>(args: JsValue) -> Result<T, RelaisError> {
    serde_wasm_bindgen::from_value(args).map_err(|_| rejected("arguments"))
}

fn rejected(code: &str) -> RelaisError {
    RelaisError::Rejected {
        code: code.to_owned(),
        key: format!("error.{code}"),
        field: None,
    }
}

/// A name as Rust writes it.
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)*) => {
        /// Makes a call. It is done when this returns.
        ///
        /// # Errors
        /// Those of the call; `Rejected` with the code `arguments` for what does not fit it.
        #[expect(clippy::useless_conversion, reason = "bytes cross as a type of their own")]
        pub(crate) fn call(relais: &Relais, name: &str, args: JsValue) -> Result<JsValue, RelaisError> {
            match snake_case(name).as_str() {
                $(stringify!($name) => {
                    #[derive(Deserialize)]
                    #[serde(rename_all = "camelCase")]
                    struct Args { $($arg: $of),* }
                    let Args { $($arg),* } = from_js(args)?;
                    let answer: Option<Result<_, RelaisError>> =
                        relais.$name($($arg.into()),*).now_or_never();
                    // Nothing of an embedded façade waits.
                    let answer: $answer = answer.unwrap_or_else(|| Err(rejected("arguments")))?.into();
                    Ok(to_js(&answer))
                })*
                _ => Err(rejected("arguments")),
            }
        }
    };
}

for_each_call!(dispatch);
