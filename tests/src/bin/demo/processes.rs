//! The processes of the demo: the server, and one process for each command of a
//! device. Owns starting, bounded waiting, logs and ending them by their own ids;
//! leaves what they are asked for to the story.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// The folder of the built programs, as `cargo xtask` names it.
const BIN_DIR: &str = "RELAIS_BIN_DIR";
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// A server opens a store of any size that the demo makes within this.
const START: Duration = Duration::from_secs(30);
/// A server that was asked to stop closes its store within this.
const STOP: Duration = Duration::from_secs(15);
/// A server on this machine answers within this.
const ANSWERS: Duration = Duration::from_secs(5);
/// Below the ports that systems give to outgoing connections: one of those may
/// not take the server's place while it is down.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Set by Ctrl-C: whatever waits stops waiting.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The built programs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `relais-server`.
    pub server: PathBuf,
    /// `relais`.
    pub relais: PathBuf,
}

impl Programs {
    /// In the folder told, or beside this program.
    pub fn find() -> Result<Self> {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.to_owned());
        let told = std::env::var_os(BIN_DIR).map(PathBuf::from);
        let folder = told.or_else(beside).unwrap_or_default();
        let program = |name: &str| {
            let path = folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION);
            let missing = format!("{} is missing: cargo xtask demo builds it", path.display());
            path.is_file()
                .then_some(path)
                .ok_or(Failure::Program(missing))
        };
        Ok(Self {
            server: program("relais-server")?,
            relais: program("relais")?,
        })
    }
}

/// A process that never outlives its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Until `done`, or nothing when the time is over.
    fn wait_until<T>(
        &mut self,
        bound: Duration,
        mut done: impl FnMut(&mut Child) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let give_up = Instant::now() + bound;
        loop {
            if let Some(value) = done(&mut self.0)? {
                return Ok(Some(value));
            }
            if INTERRUPTED.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            if Instant::now() >= give_up {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn exit(&mut self, bound: Duration) -> Result<Option<ExitStatus>> {
        self.wait_until(bound, |child| {
            let program = |error| Failure::Program(format!("waiting for a process: {error}"));
            child.try_wait().map_err(program)
        })
    }
}

/// A finished command.
#[derive(Debug, Clone)]
pub struct Finished {
    /// `None` when a signal ended it, or it did not end in time.
    pub code: Option<i32>,
    /// How it ended, in words.
    pub ended: String,
    /// Standard output.
    pub out: String,
    /// Error output.
    pub err: String,
}

/// Runs a program to its end, or kills it when `bound` has passed.
pub fn run(program: &Path, arguments: &[OsString], bound: Duration) -> Result<Finished> {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("RELAIS_PROFILE");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running(spawn(&mut command)?);
    let out = collect(running.0.stdout.take());
    let err = collect(running.0.stderr.take());
    let ended = running.exit(bound);
    drop(running); // Closes the pipes of one that did not end, too.
    let (out, err) = (out.join(), err.join());
    let ended = ended?;
    Ok(Finished {
        code: ended.and_then(|status| status.code()),
        ended: ended.map_or_else(
            || format!("killed after {} s", bound.as_secs()),
            |status| status.to_string(),
        ),
        out: out.unwrap_or_default(),
        err: err.unwrap_or_default(),
    })
}

/// Runs a program that says what it says to whoever watches, or kills it when `bound` has
/// passed. Whether it succeeded.
pub fn attend(command: &mut Command, bound: Duration) -> Result<bool> {
    let mut running = Running(spawn(command.stdin(Stdio::null()))?);
    let ended = running.exit(bound)?;
    ended
        .map(|status| status.success())
        .ok_or_else(|| Failure::Program(format!("killed after {} s", bound.as_secs())))
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| {
        let program = Path::new(command.get_program()).display().to_string();
        Failure::Program(format!("cannot start {program}: {error}"))
    })
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// How a process of the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By our SIGKILL.
    Killed,
    /// By itself, with this code.
    Code(i32),
    /// In any other way.
    Otherwise,
}

/// The server: one folder and address, one process after the other.
pub struct Server {
    program: PathBuf,
    address: SocketAddrV4,
    /// As devices and browsers reach it.
    pub url: String,
    data: PathBuf,
    logs: PathBuf,
    starts: usize,
    running: Option<Running>,
    /// How its processes ended, in order.
    pub ended: Vec<Ended>,
}

impl Server {
    /// Founds a structure in `data` and starts the server; the set-up link comes
    /// with it. Its outputs are kept in `logs`.
    pub fn found(programs: &Programs, data: PathBuf, logs: PathBuf) -> Result<(Self, String)> {
        std::fs::create_dir_all(&logs).map_err(Failure::file(&logs))?;
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port()?);
        // By its name, without which a browser keeps no passkey for it.
        let url = format!("http://localhost:{}", address.port());
        let arguments = [
            "init".into(),
            "--data".into(),
            data.clone().into(),
            "--url".into(),
            url.clone().into(),
        ];
        let init = run(&programs.server, &arguments, START)?;
        if init.code != Some(0) {
            return Err(Failure::Program(format!(
                "relais-server init: {}",
                init.err
            )));
        }
        let mut server = Self {
            program: programs.server.clone(),
            address,
            url,
            data,
            logs,
            starts: 0,
            running: None,
            ended: Vec::new(),
        };
        server.start()?;
        Ok((server, init.out.trim().to_owned()))
    }

    /// Starts the process and waits until it listens.
    pub fn start(&mut self) -> Result<()> {
        self.starts += 1;
        let file = |kind: &str| {
            let path = self.logs.join(log_name(self.starts, kind));
            let file = File::create(&path).map_err(Failure::file(&path))?;
            Ok::<_, Failure>((path, file))
        };
        let ((out_path, out), (err_path, err)) = (file("out")?, file("err")?);
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--data").arg(&self.data);
        command.arg("--listen").arg(self.address.to_string());
        // As talkative as somebody would make it who looks for a fault.
        command.env("RELAIS_LOG", "info,relais_server=trace");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let mut running = Running(spawn(&mut command)?);
        let listens = running.wait_until(START, |child| {
            if let Ok(Some(status)) = child.try_wait() {
                let said = last_line(&err_path);
                return Err(Failure::Program(format!(
                    "relais-server serve: {status}: {said}"
                )));
            }
            let said = std::fs::read_to_string(&out_path).map_err(Failure::file(&out_path))?;
            Ok((said.starts_with("listening on") && said.ends_with('\n')).then_some(()))
        })?;
        listens.ok_or_else(|| Failure::Program("relais-server serve: does not listen".into()))?;
        self.running = Some(running);
        Ok(())
    }

    /// Ends the process without warning (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            let killed = running.0.kill().and_then(|()| running.0.wait());
            let status = killed.map_err(|error| Failure::Program(format!("killing: {error}")))?;
            self.ended.push(if status.code().is_none() {
                Ended::Killed
            } else {
                Ended::Otherwise
            });
        }
        Ok(())
    }

    /// Ends the process as an operator does (SIGTERM).
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        terminate(&running.0)?;
        let status = running.exit(STOP)?;
        let code = status.and_then(|status| status.code());
        self.ended.push(code.map_or(Ended::Otherwise, Ended::Code));
        Ok(())
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        let running = self.running.as_mut();
        running.is_some_and(|running| matches!(running.0.try_wait(), Ok(None)))
    }

    /// The last line of its present process's log.
    pub fn last_words(&self) -> String {
        last_line(&self.logs.join(log_name(self.starts, "err")))
    }

    /// Whether it has the web app: it was built into the program, or not.
    pub fn has_app(&self) -> Result<bool> {
        let asked = || {
            let mut stream = TcpStream::connect_timeout(&self.address.into(), ANSWERS)?;
            stream.set_read_timeout(Some(ANSWERS))?;
            stream.write_all(b"GET / HTTP/1.0\r\naccept: text/html\r\n\r\n")?;
            let mut status = [0; b"HTTP/1.0 200".len()];
            stream.read_exact(&mut status)?;
            Ok::<_, std::io::Error>(status.ends_with(b" 200"))
        };
        asked().map_err(|error| Failure::Program(format!("the server does not answer: {error}")))
    }

    /// Its address.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Folder of everything that it stores.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Folder of everything that it wrote to its outputs.
    pub fn logs(&self) -> &Path {
        &self.logs
    }
}

fn log_name(start: usize, kind: &str) -> String {
    format!("server-{start:02}.{kind}")
}

fn last_line(path: &Path) -> String {
    let said = std::fs::read_to_string(path).unwrap_or_default();
    said.lines().last().unwrap_or_default().to_owned()
}

fn terminate(child: &Child) -> Result<()> {
    // Invariant: the child was not waited for, so the id is its own.
    let id = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let sent = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::TERM));
    match sent {
        Some(Ok(())) => Ok(()),
        _ => Err(Failure::Program("a process cannot be stopped".into())),
    }
}

fn free_port() -> Result<u16> {
    let tried = 64;
    let span = PORTS.end - PORTS.start;
    (0..tried)
        .map(|_| PORTS.start + rand::random::<u16>() % span)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| Failure::Program("no port is free".into()))
}

/// Waits until a condition holds; `false` when the time is over.
pub fn wait_until(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + bound;
    while !condition() {
        if Instant::now() >= give_up || INTERRUPTED.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
