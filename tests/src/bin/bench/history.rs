//! The `history` measurement: a past of [`EVENTS`] events, [`PHOTOS`] of them photos with
//! thumbnails, from one engine to another through a real server, and the signatures of
//! such a past beside bare batch verification. Only the two devices that matter turn.

use std::time::{Duration, Instant};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use relais_content::v1::Laterality;
use relais_core::commands::NewMember;
use relais_core::history::HistoryChoice;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::label::{self, Label, Signed};
use serde_json::json;

use crate::Outcome;
use crate::fleet::CONTENT;
use crate::report::Report;
use crate::serve::{cpu_s, memory_mib};

/// A busy thread of some years.
const EVENTS: usize = 10_000;
const PHOTOS: usize = 300;
/// Written before the world comes to rest again.
const AT_ONCE: usize = 250;
/// Signatures verified together: about what one step of an import holds.
const BATCH: usize = 256;
const BATCHES: usize = 40;
/// The sides of a photo: its thumbnail is as large as thumbnails get.
const SIDE: u32 = 640;

/// Measures both.
pub async fn measure() -> Outcome<Report> {
    let mut report = Report::new();
    report.put("events", json!(EVENTS));
    report.put("photos", json!(PHOTOS));
    signatures(&mut report)?;
    let mut world = World::new(StoreKind::Memory).await;
    let newcomer = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Exemple", &[]).await;
    write(&mut world, channel).await?;

    world.devices[newcomer].go_offline();
    let mut new = NewMember::care_team(world.devices[newcomer].professional());
    new.history = HistoryChoice::All;
    world.devices[0].engine.add_member(channel, &new)?;
    let build = timed(&mut world, |world| {
        let state = world.devices[0].engine.sync_state()?;
        Ok(state.waiting == 0 && world.devices[0].engine.history(channel)?.sharing.is_empty())
    })
    .await?;
    report.figure("build_and_upload_cpu_s", build.cpu_s);
    report.figure("build_peak_above_start_mib", build.peak_mib);
    report.figure("build_longest_step_ms", build.longest_ms);

    world.devices[0].go_offline();
    world.devices[newcomer].go_online();
    let import = timed(&mut world, |world| {
        let engine = &world.devices[newcomer].engine;
        let joined = !engine.threads()?.is_empty();
        Ok(joined && all_here(world, newcomer, channel)?)
    })
    .await?;
    report.figure("import_cpu_s", import.cpu_s);
    report.figure("import_events_per_cpu_s", EVENTS as f64 / import.cpu_s);
    report.figure("import_peak_above_start_mib", import.peak_mib);
    report.figure("import_longest_step_ms", import.longest_ms);
    Ok(report)
}

/// The same signatures one by one, by the library's batch, and as an import does it.
fn signatures(report: &mut Report) -> Outcome<()> {
    let keys: Vec<SigningKey> = (0..8u8).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let public: Vec<VerifyingKey> = keys.iter().map(SigningKey::verifying_key).collect();
    let body = vec![7; CONTENT];
    let labelled: Vec<_> = (0..BATCH)
        .map(|n| label::sign(&keys[n % keys.len()], Label::SignedEvent, &body))
        .collect();
    let items: Vec<Signed<'_>> = labelled
        .iter()
        .enumerate()
        .map(|(n, signature)| Signed {
            key: &public[n % keys.len()],
            body: &body,
            signature,
        })
        .collect();
    let bare: Vec<Signature> = (0..BATCH)
        .map(|n| keys[n % keys.len()].sign(&body))
        .collect();
    let messages = vec![body.as_slice(); BATCH];
    let owners: Vec<VerifyingKey> = (0..BATCH).map(|n| public[n % keys.len()]).collect();

    let per_second = |start: Instant| (BATCH * BATCHES) as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    for _ in 0..BATCHES {
        for (key, signature) in owners.iter().zip(&bare) {
            key.verify_strict(&body, signature)?;
        }
    }
    report.figure("bare_single_per_s", per_second(start));
    let start = Instant::now();
    for _ in 0..BATCHES {
        ed25519_dalek::verify_batch(&messages, &bare, &owners)?;
    }
    let floor = per_second(start);
    report.figure("bare_batch_per_s", floor);
    let start = Instant::now();
    for _ in 0..BATCHES {
        if label::verify_batch(Label::SignedEvent, &items).contains(&false) {
            return Err("a signature did not verify".into());
        }
    }
    report.figure("archive_signatures_per_s", per_second(start));
    report.figure("archive_of_bare_batch", per_second(start) / floor);
    Ok(())
}

async fn write(world: &mut World, channel: ChannelId) -> Outcome<()> {
    let photo = photo()?;
    let text = "x".repeat(CONTENT);
    for number in 0..EVENTS {
        if number % (EVENTS / PHOTOS) == 0 && number / (EVENTS / PHOTOS) < PHOTOS {
            let engine = &mut world.devices[0].engine;
            engine.send_photo(channel, &photo, "", "talon", Laterality::Left, None)?;
        } else {
            world.say(0, channel, &text);
        }
        if number % AT_ONCE == 0 {
            world.settle().await;
        }
    }
    world.settle().await;
    Ok(())
}

/// Noise, of which a JPEG cannot make little.
fn photo() -> Outcome<Vec<u8>> {
    let mut state = 1u32;
    let pixels = image::RgbImage::from_fn(SIDE, SIDE, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, _, red, green] = state.to_le_bytes();
        image::Rgb([red / 4, green / 4, 90])
    });
    let mut jpeg = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut jpeg, image::ImageFormat::Jpeg)?;
    Ok(jpeg.into_inner())
}

/// Whether the whole past is shown; originals of photos may still be on their way.
fn all_here(world: &World, who: Who, channel: ChannelId) -> Outcome<bool> {
    let engine = &world.devices[who].engine;
    Ok(engine.timeline(channel, 0, 8)?.len() == 8 && engine.history(channel)?.arriving.is_empty())
}

/// What an act cost this process: both engines and the server.
struct Cost {
    cpu_s: f64,
    peak_mib: f64,
    longest_ms: f64,
}

async fn timed(world: &mut World, done: impl Fn(&World) -> Outcome<bool>) -> Outcome<Cost> {
    // Linux forgets the peak of a process so (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = memory_mib("VmRSS:")?;
    let cpu = cpu_s("self")?;
    for device in &mut world.devices {
        device.longest_step = Duration::ZERO;
    }
    for _ in 0..100_000 {
        world.turn().await;
        world.advance(1);
        if done(world)? {
            let steps = world.devices.iter().map(|device| device.longest_step);
            let longest = steps.max().unwrap_or_default();
            return Ok(Cost {
                cpu_s: cpu_s("self")? - cpu,
                peak_mib: memory_mib("VmHWM:")? - before,
                longest_ms: longest.as_secs_f64() * 1000.0,
            });
        }
    }
    Err("it does not come to an end".into())
}
