//! The command line of the server: `init` once, then `serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use relais_server::config::{Settings, origin};
use relais_server::store::{LogStore, Store};
use relais_server::{Config, founding};
use relais_wire::mls;
use tracing_subscriber::EnvFilter;

/// Server of one structure's care threads. It orders and delivers what it cannot read.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a data folder and prints the one-time set-up link for the first coordinator.
    Init {
        /// New or empty folder.
        #[arg(long)]
        data: PathBuf,
        /// Address that devices will reach the server at, like https://relais.example.
        #[arg(long)]
        url: String,
        /// Cipher suite of every group of the structure; cannot be changed later.
        #[arg(long, default_value = "xwing")]
        suite: Suite,
    },
    /// Serves a data folder until SIGTERM or SIGINT.
    Serve {
        /// Folder made by `init`.
        #[arg(long)]
        data: PathBuf,
        /// Address and port; port 0 picks a free one.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// X25519 and ML-KEM-768: holds against quantum computers.
    Xwing,
    /// X25519 alone: smaller handshakes.
    X25519,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("RELAIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .init();
    let done = match Cli::parse().command {
        Command::Init { data, url, suite } => runtime(init(&data, &url, suite)),
        Command::Serve { data, listen } => runtime(serve(data, listen)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relais-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build()?.block_on(work)
}

fn open_store(data: &Path) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(LogStore::open_sled(&data.join("store"))?))
}

async fn init(data: &Path, url: &str, suite: Suite) -> Result<(), Failure> {
    let url = url.trim_end_matches('/');
    if origin(url).is_none() {
        return Err("--url must be an http:// or https:// address".into());
    }
    make_private(data)?;
    if std::fs::read_dir(data)?.next().is_some() {
        return Err("the data folder is not empty".into());
    }
    let settings = Settings {
        public_url: url.to_owned(),
        ciphersuite: match suite {
            Suite::Xwing => mls::SUITE_XWING,
            Suite::X25519 => mls::SUITE_X25519,
        },
    };
    let (record, link) = founding::found(url, &relais_server::config::system_random())?;
    let store = open_store(data)?;
    store.found(record).await?;
    store.close().await?;
    settings.write(data)?;
    println!("{link}");
    Ok(())
}

fn make_private(data: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(data)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

async fn serve(data: PathBuf, listen: SocketAddr) -> Result<(), Failure> {
    let settings = Settings::read(&data)
        .map_err(|error| format!("no settings in the data folder (run init first): {error}"))?;
    let store = open_store(&data)?;
    let mut config = Config::new(data);
    config.public_url = Some(settings.public_url);
    config.ciphersuite = Some(settings.ciphersuite);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let server = relais_server::serve(listener, store, config).await?;
    println!("listening on {address}");
    stop_signal().await?;
    tracing::info!("stopping");
    server.shutdown().await?;
    Ok(())
}

async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
