//! A colleague's device without a screen, for tests that drive a browser beside it: the façade,
//! called by lines of JSON on standard input, in order, each answered by one line.
//!
//! `{"call": "sendMessage", "args": {…}}` is answered by `{"result": …}` or `{"error": {…}}`, with
//! the names and records of the page's types. `waitUntilSynced` takes `timeoutMs`, and `setNetwork`
//! takes `online`. The device lives in a folder of its own and ends with standard input.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use relais_mobile::platform::Platform;
use relais_mobile::table::*;
use relais_mobile::{Relais, for_each_call};
use relais_tests::app::{Network, Secrets};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// How long a photo is waited for.
const PHOTO_MS: u64 = 20_000;

#[derive(Deserialize)]
struct Line {
    call: String,
    #[serde(default = "nothing")]
    args: Value,
}

fn nothing() -> Value {
    json!({})
}

struct Colleague {
    relais: Arc<Relais>,
    network: Arc<Network>,
}

impl Deref for Colleague {
    type Target = Relais;

    fn deref(&self) -> &Relais {
        &self.relais
    }
}

impl Colleague {
    /// As a page has it: without a time.
    async fn photo(&self, photo: String) -> Result<Vec<u8>, RelaisError> {
        self.relais.photo(photo, PHOTO_MS, None).await
    }

    async fn wait_until_synced(&self, timeout_ms: u64) -> Result<SyncState, RelaisError> {
        self.relais.wait_until_synced(timeout_ms, None).await
    }

    async fn set_network(&self, online: bool) -> Result<(), RelaisError> {
        self.network.0.store(online, Ordering::SeqCst);
        self.relais.network_changed().await
    }
}

fn told<T: Serialize>(answer: Result<T, RelaisError>) -> Value {
    match answer {
        Ok(answer) => json!({ "result": answer }),
        Err(error) => json!({ "error": error }),
    }
}

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)*) => {
        #[allow(clippy::useless_conversion, reason = "bytes cross as a type of their own")]
        async fn answer(colleague: &Colleague, line: Line) -> Result<Value, serde_json::Error> {
            match line.call.as_str() {
                $(name if name == camel_case(stringify!($name)) => {
                    #[derive(Deserialize)]
                    #[serde(rename_all = "camelCase")]
                    struct Args { $($arg: $of),* }
                    let Args { $($arg),* } = serde_json::from_value(line.args)?;
                    Ok(told(colleague.$name($($arg.into()),*).await.map(<$answer>::from)))
                })*
                "waitUntilSynced" => {
                    let timeout_ms = line.args.get("timeoutMs").and_then(Value::as_u64);
                    let timeout_ms = timeout_ms.unwrap_or(PHOTO_MS);
                    Ok(told(colleague.wait_until_synced(timeout_ms).await))
                }
                "setNetwork" => {
                    let online = line.args.get("online").and_then(Value::as_bool);
                    Ok(told(colleague.set_network(online.unwrap_or(true)).await))
                }
                unknown => Ok(json!({ "unknown": unknown })),
            }
        }
    };
}

for_each_call!(dispatch);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let network = Arc::new(Network(AtomicBool::new(true)));
    let platform = Platform {
        secrets: Arc::new(Secrets::default()),
        connectivity: Some(network.clone()),
        clock: None,
    };
    let path = folder.path().join("relais.db").display().to_string();
    let relais = Relais::open(path, platform).await?;
    let colleague = Colleague { relais, network };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut out = tokio::io::stdout();
    while let Some(line) = lines.next_line().await? {
        let answer = answer(&colleague, serde_json::from_str(&line)?).await?;
        out.write_all(format!("{answer}\n").as_bytes()).await?;
        out.flush().await?;
    }
    colleague.relais.shutdown_and_close().await?;
    Ok(())
}
