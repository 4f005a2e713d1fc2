//! A practice for somebody else's program: a server with a fresh structure runs while the
//! program does, which is told where it is.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::photo;
use crate::processes::{Programs, Server, attend};

/// The program is killed when it takes longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Runs a program with `RELAIS_SETUP_LINK`, the set-up link of a new structure, and
/// `RELAIS_PHOTO`, the path of a photo. Whether it succeeded.
pub fn run(command: &[OsString]) -> Result<bool> {
    let folder = crate::folder()?;
    let (data, logs) = (folder.path().join("server"), folder.path().join("logs"));
    let (mut server, link) = Server::found(&Programs::find()?, data, logs)?;
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, photo::take(1, 100)?).map_err(Failure::file(&path))?;
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Failure::Program("--run names no program".into()))?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.env("RELAIS_SETUP_LINK", link);
    command.env("RELAIS_PHOTO", &path);
    let succeeded = attend(&mut command, LONGEST)?;
    if !server.is_running() {
        let said = server.last_words();
        return Err(Failure::Program(format!("the server has ended: {said}")));
    }
    server.stop()?;
    Ok(succeeded)
}
