//! The server is killed while three devices write: what the log has acknowledged,
//! and what only waited on a device, must be everywhere once and in one order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::device::{Device, text};
use crate::failure::{Failure, Result};
use crate::processes::{Server, wait_until};
use crate::story::Story;

/// Begins every text of this check.
const PREFIX: &str = "Suivi ";
/// How long a command waits for a server that may be down.
const PATIENCE: &str = "2";
/// A message reaches the log within this while the server is up.
const PROGRESS: Duration = Duration::from_secs(20);
/// The server lives at least so long beyond the awaited message, drawn each time.
const LIFE_MS: std::ops::Range<u64> = 0..900;

/// What was written while the server died again and again.
pub struct Traffic {
    /// Every text that a command took, with whether it was acknowledged.
    pub written: BTreeMap<String, bool>,
    /// Kills that were carried out.
    pub kills: u32,
}

impl Traffic {
    /// Texts whose sender was told "sent".
    pub fn acknowledged(&self) -> usize {
        self.written.values().filter(|sent| **sent).count()
    }
}

/// Lets three devices write while the server is killed at moments that `seed` draws.
pub fn run(story: &mut Story, seed: u64, kills: u32) -> Result<Traffic> {
    let Story {
        server,
        coordinator,
        nurse,
        doctor,
        thread,
        ..
    } = story;
    let (over, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut written = BTreeMap::new();
    let killed = std::thread::scope(|scope| {
        let devices = [&*coordinator, &*nurse, &*doctor];
        let writers = devices.map(|device| {
            let (thread, over, acknowledged) = (&*thread, &over, &acknowledged);
            scope.spawn(move || {
                let result = write(device, thread, over, acknowledged);
                // One that failed ends the others: the check has its answer.
                over.store(true, Ordering::Relaxed);
                result
            })
        });
        let killed = kill(server, seed, kills, &over, &acknowledged);
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            let texts = writer
                .join()
                .map_err(|_| Failure::Story("a writer panicked".into()))??;
            written.extend(texts);
        }
        killed
    })?;
    Ok(Traffic {
        written,
        kills: killed,
    })
}

fn kill(
    server: &mut Server,
    seed: u64,
    kills: u32,
    over: &AtomicBool,
    acknowledged: &AtomicU64,
) -> Result<u32> {
    let mut moments = ChaCha8Rng::seed_from_u64(seed);
    let mut done = 0;
    while done < kills && !over.load(Ordering::Relaxed) {
        // Half of the kills wait for a message to get through, so that there is
        // progress; the others may come while everybody still connects.
        if moments.gen_bool(0.5) {
            let before = acknowledged.load(Ordering::Relaxed);
            let stuck =
                || acknowledged.load(Ordering::Relaxed) > before || over.load(Ordering::Relaxed);
            if !wait_until(PROGRESS, stuck) {
                return Err(Failure::Story(format!("nothing is sent after kill {done}")));
            }
        }
        let life = Duration::from_millis(moments.gen_range(LIFE_MS));
        wait_until(life, || over.load(Ordering::Relaxed));
        server.kill()?;
        done += 1;
        server.start()?;
    }
    Ok(done)
}

/// Writes until it is over: some at once, some kept on the device and sent together.
fn write(
    device: &Device,
    thread: &str,
    over: &AtomicBool,
    acknowledged: &AtomicU64,
) -> Result<Vec<(String, bool)>> {
    let mut written = Vec::new();
    for number in 1.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let said = format!(
            "{PREFIX}{} n° {number} : constantes stables, à réévaluer",
            device.name
        );
        let offline = number % 5 >= 3;
        let online = ["--wait", PATIENCE];
        let how: &[&str] = if offline { &["--offline"] } else { &online };
        let answer = device.ask(&[&["send", thread, &said], how].concat())?;
        let sent = text(&answer, "state") == "sent";
        if text(&answer, "state") == "failed" {
            return Err(Failure::Story(format!(
                "{}: {said} failed: {answer}",
                device.name
            )));
        }
        acknowledged.fetch_add(u64::from(sent), Ordering::Relaxed);
        written.push((said, sent));
        if number % 5 == 4 {
            // 5: the server was not reached in time.
            device.try_ask(&["sync", "--wait", PATIENCE], &[0, 5])?;
        }
    }
    Ok(written)
}

/// What a device shows of this traffic, in the order of the log.
pub fn shown(device: &Device, thread: &str) -> Result<Vec<String>> {
    let items = device.items(thread)?;
    let said = items.iter().filter(|item| text(item, "kind") == "message");
    Ok(said
        .map(|item| text(item, "text").to_owned())
        .filter(|said| said.starts_with(PREFIX))
        .collect())
}

/// What is wrong with what a device shows; `None` when every text is there once.
pub fn compare(written: &BTreeMap<String, bool>, shown: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for said in shown {
        *counts.entry(said).or_default() += 1;
    }
    let lost: Vec<_> = written
        .iter()
        .filter(|(said, _)| !counts.contains_key(said.as_str()))
        .collect();
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let unknown: Vec<_> = counts
        .keys()
        .filter(|said| !written.contains_key(**said))
        .collect();
    let fine = lost.is_empty() && doubled.is_empty() && unknown.is_empty();
    (!fine).then(|| format!("lost {lost:?}, doubled {doubled:?}, unknown {unknown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_doubled_and_invented_messages_are_noticed() {
        let written = BTreeMap::from([("a".to_owned(), true), ("b".to_owned(), false)]);
        let shown = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        assert_eq!(compare(&written, &shown(&["b", "a"])), None);
        for wrong in [&["a"] as &[&str], &["a", "b", "b"], &["a", "b", "c"]] {
            assert!(compare(&written, &shown(wrong)).is_some(), "{wrong:?}");
        }
    }
}
