//! The `lost-phone` measurement: a nurse of many threads loses the phone. A coordinator
//! invites again, one link is scanned on a new phone, and nobody does anything more:
//! how long until every thread is there with its whole past, and what it costs. The
//! server and the new phone are processes of their own; colleagues are native clients.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use relais_content::v1::{Priority, content::Kind};
use relais_core::Engine;
use relais_core::commands::{NewMember, NewThread};
use relais_core::driver::{Client, DatabaseKey};
use relais_core::identity::Enrolment;
use relais_core::query::{ThreadState, TimelineBody};
use relais_tests::world::card;
use relais_wire::ids::ChannelId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::report::Report;
use crate::serve::{Child, Keeps, cpu_s, memory_mib};
use crate::wire::{Passed, Wire};
use crate::{Failure, Outcome};

/// The coordinator and two more; the nurse comes last.
const COLLEAGUES: usize = 3;
/// A step of the preparation, or the whole return: what takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often the new phone is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// What is made before the phone is lost.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Size {
    /// Threads that the nurse is in.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub threads: u64,
    /// Messages of each.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub events: u64,
}

/// What the new phone says of its return, as one line of JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Returned {
    joined_s: f64,
    history_s: f64,
    cpu_s: f64,
    peak_mib: f64,
}

/// Runs everything. Two hundred threads of fifty events take some minutes.
pub async fn measure(size: Size) -> Outcome<Report> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::new();
    let folder = tempfile::tempdir()?;
    let server = Child::start(&folder.path().join("server"), Keeps::Durably)?;
    let (wire, phone_wire) = (
        Wire::to(&server.address).await?,
        Wire::to(&server.address).await?,
    );
    let mut people = practice(folder.path(), &wire, &server.link).await?;
    eprintln!("{} threads of {} messages", size.threads, size.events);
    let begun = Instant::now();
    write(&people, size).await?;
    let prepared_s = begun.elapsed().as_secs_f64();

    let nurse = people.pop().ok_or("nobody")?;
    let me = nurse.call(|engine| engine.whoami()).await?;
    nurse.shutdown().await?;
    eprintln!("the phone is lost");
    wire.take();
    let server_cpu = server.cpu_s()?;
    let colleagues_cpu = cpu_s("self")?;
    let begun = Instant::now();
    let invitation = people[0]
        .call(move |engine| engine.invite_again(me.professional, &[me.device]))
        .await?;
    let link = invitation.link.clone();
    until("the invitation", &people[0], move |engine| {
        Ok(engine
            .invitations()?
            .iter()
            .any(|known| known.link == link && !known.pending))
    })
    .await?;
    let invited_s = begun.elapsed().as_secs_f64();
    let returned = tokio::task::block_in_place(|| {
        scan(folder.path(), &phone_wire.lead(&invitation.link)?, size)
    })?;
    let passed = [phone_wire.take(), wire.take()];
    let colleagues_cpu = cpu_s("self")? - colleagues_cpu;
    let server_cpu = server.cpu_s()? - server_cpu;
    for colleague in people {
        colleague.shutdown().await?;
    }
    server.stop()?;

    report.put("threads", json!(size.threads));
    report.put("events_per_thread", json!(size.events));
    report.put("colleagues_online", json!(COLLEAGUES));
    report.figure("prepared_s", prepared_s);
    report.figure("invited_again_s", invited_s);
    report.figure("all_threads_joined_s", returned.joined_s);
    report.figure("all_history_s", returned.history_s);
    report.figure(
        "history_ms_per_thread",
        returned.history_s * 1000.0 / size.threads as f64,
    );
    report.figure("phone_cpu_s", returned.cpu_s);
    report.figure("phone_peak_mib", returned.peak_mib);
    report.figure("server_cpu_s", server_cpu);
    report.figure("colleagues_cpu_s", colleagues_cpu);
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    let [phone, others] = passed;
    report.figure("phone_up_mib", mib(phone.up));
    report.figure("phone_down_mib", mib(phone.down));
    let sum = |of: fn(&Passed) -> u64| mib(of(&phone) + of(&others));
    report.figure("all_up_mib", sum(|passed| passed.up));
    report.figure("all_down_mib", sum(|passed| passed.down));
    Ok(report)
}

/// The coordinator, two colleagues and the nurse, enrolled and confirmed.
async fn practice(folder: &Path, wire: &Wire, link: &str) -> Outcome<Vec<Client>> {
    let mut people = Vec::<Client>::new();
    for number in 0..=COLLEAGUES {
        let name = format!("Personne {number}");
        let own = card(&name, "Exemple", 60, "99700218896");
        let (link, founder) = match people.first() {
            None => (link.to_owned(), Some(own)),
            Some(first) => {
                let invitation = first.call(move |engine| engine.invite(&own)).await?;
                until("an invitation", first, |engine| {
                    Ok(engine.sync_state()?.waiting == 0)
                })
                .await?;
                (invitation.link, None)
            }
        };
        let link = wire.lead(&link)?;
        let client = open(&folder.join(format!("{number}.db"))).await?;
        client
            .call(move |engine| engine.join(&link, founder))
            .await?;
        until("an enrolment", &client, |engine| {
            // Whoever can read a card holds the directory's key, and may invite.
            Ok(*engine.enrolment() == Enrolment::Enrolled
                && engine.whoami()?.confirmed
                && engine.whoami()?.card.is_some())
        })
        .await?;
        people.push(client);
    }
    Ok(people)
}

/// Everybody is in every thread, opens as many of them as the others, and writes in
/// turn.
async fn write(people: &[Client], size: Size) -> Outcome<()> {
    let mut ids = Vec::new();
    for person in people {
        ids.push(person.call(|engine| engine.whoami()).await?.professional);
    }
    let mut channels: Vec<ChannelId> = Vec::new();
    for number in 0..size.threads as usize {
        let creator = number % people.len();
        let others = ids.iter().enumerate().filter(|(n, _)| *n != creator);
        let new = NewThread {
            title: format!("Patient {number}"),
            header: None,
            members: others.map(|(_, id)| NewMember::care_team(*id)).collect(),
        };
        let channel = people[creator]
            .call(move |engine| engine.create_thread(&new))
            .await?;
        channels.push(channel);
        // Each joiner's key packages are fewer than the threads.
        if number % 8 == 7 || number + 1 == size.threads as usize {
            everybody_is_in(people, channels.len()).await?;
        }
    }
    for round in 0..size.events as usize {
        for (number, person) in people.iter().enumerate() {
            let of = people.len();
            let turn = move |thread: usize| (thread + round) % of == number;
            let mine: Vec<ChannelId> = (0..channels.len())
                .filter(|thread| turn(*thread))
                .map(|thread| channels[thread])
                .collect();
            person
                .call(move |engine| {
                    for channel in mine {
                        let text = format!("Passage {round}: pansement refait, plaie propre.");
                        engine.send_message(channel, &text, Priority::Normal, None)?;
                    }
                    Ok(())
                })
                .await?;
        }
        for person in people {
            until("messages", person, |engine| {
                Ok(engine.sync_state()?.waiting == 0)
            })
            .await?;
        }
    }
    for person in people {
        let (channels, events) = (channels.clone(), size.events);
        until("everybody's messages", person, move |engine| {
            let whole = |channel: &ChannelId| {
                Ok::<_, relais_core::Error>(count(engine, *channel)? >= events)
            };
            channels
                .iter()
                .map(whole)
                .try_fold(true, |all, one| Ok(all && one?))
        })
        .await?;
    }
    Ok(())
}

async fn everybody_is_in(people: &[Client], threads: usize) -> Outcome<()> {
    for person in people {
        until("the threads", person, move |engine| {
            Ok(joined(engine)?.len() == threads && engine.sync_state()?.waiting == 0)
        })
        .await?;
    }
    Ok(())
}

async fn open(path: &Path) -> Outcome<Client> {
    Ok(Client::open(path, DatabaseKey([7; 32])).await?)
}

async fn until<F>(what: &str, client: &Client, condition: F) -> Outcome<()>
where
    F: Fn(&mut Engine) -> relais_core::Result<bool> + Send + Sync + Clone + 'static,
{
    match client.wait_until(PATIENCE, condition).await? {
        true => Ok(()),
        false => Err(format!("{what}: waited in vain").into()),
    }
}

fn joined(engine: &Engine) -> relais_core::Result<Vec<ChannelId>> {
    let threads = engine.threads()?.into_iter();
    let joined = threads.filter(|thread| thread.state == ThreadState::Joined);
    Ok(joined.map(|thread| thread.channel).collect())
}

/// Messages that a device shows of a thread.
fn count(engine: &Engine, channel: ChannelId) -> relais_core::Result<u64> {
    let items = engine.timeline(channel, 0, usize::MAX)?;
    let message = |body: &TimelineBody| matches!(body, TimelineBody::Event(_, kind) if matches!(**kind, Kind::Message(_)));
    Ok(items.iter().filter(|item| message(&item.body)).count() as u64)
}

/// Starts the new phone, shows it the link and waits until everything is there.
fn scan(folder: &Path, link: &str, size: Size) -> Outcome<Returned> {
    let mut phone = std::process::Command::new(std::env::current_exe()?)
        .args(["phone-for-bench", "--threads", &size.threads.to_string()])
        .args(["--events", &size.events.to_string(), "--database"])
        .arg(folder.join("phone.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = phone.stdin.take().ok_or("no pipe to the phone")?;
    writeln!(stdin, "{link}")?;
    let mut said = String::new();
    BufReader::new(phone.stdout.take().ok_or("no pipe from the phone")?).read_line(&mut said)?;
    if !phone.wait()?.success() {
        return Err("the new phone gave up".into());
    }
    Ok(serde_json::from_str(&said)?)
}

/// The new phone's side: reads a link from its standard input, joins, and ends when all
/// that the old one had is there.
pub async fn phone(database: &Path, size: Size) -> Outcome<()> {
    let client = open(database).await?;
    let mut link = String::new();
    std::io::stdin().read_line(&mut link)?;
    let begun = Instant::now();
    client.call(move |engine| engine.join(&link, None)).await?;
    until("the enrolment", &client, |engine| {
        Ok(*engine.enrolment() == Enrolment::Enrolled)
    })
    .await?;
    let (mut joined_s, mut whole) = (None, Vec::new());
    while (whole.len() as u64) < size.threads {
        if begun.elapsed() > PATIENCE {
            return Err::<_, Failure>(format!("only {} threads are whole", whole.len()).into());
        }
        tokio::time::sleep(LOOK).await;
        let known = whole;
        let (threads, now_whole) = client
            .call(move |engine| {
                let threads = joined(engine)?;
                let mut whole = known;
                for channel in &threads {
                    if whole.contains(channel) {
                        continue;
                    }
                    // What only the lost phone had read, before the others were added to
                    // the threads that the nurse opened, nobody has.
                    let missing = engine.history(*channel)?.missing;
                    let sought = missing.iter().any(|stretch| !stretch.given_up);
                    if sought || count(engine, *channel)? < size.events {
                        break; // The others are looked at when this one is whole.
                    }
                    whole.push(*channel);
                }
                Ok((threads.len(), whole))
            })
            .await?;
        whole = now_whole;
        if threads as u64 == size.threads {
            joined_s.get_or_insert(begun.elapsed().as_secs_f64());
        }
    }
    let history_s = begun.elapsed().as_secs_f64();
    let returned = Returned {
        joined_s: joined_s.unwrap_or(history_s),
        history_s,
        cpu_s: cpu_s("self")?,
        peak_mib: memory_mib("VmHWM:")?,
    };
    client.shutdown().await?;
    println!("{}", serde_json::to_string(&returned)?);
    Ok(())
}
