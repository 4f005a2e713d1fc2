//! Joining a structure with a link.

use clap::Args;
use relais_core::identity::cards::OwnCard;
use relais_core::query::Enrolment;
use relais_core::wire::link::{Link, LinkKind};
use serde::Serialize;

use super::people::{CardOptions, Me};
use super::text_or_stdin;
use crate::failure::{Failure, Result, exit};
use crate::render::{Shown, Text, View};
use crate::session::{Opening, Session};

/// Join a structure with the link that you received
///
/// A set-up link (printed by the server when it is installed) makes you the first
/// coordinator and needs your name; an invitation knows it already. LINK may be `-`
/// to read it from the standard input, where no other user of this machine sees it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais join 'https://cabinet.example/join#1.AQ…' --given-name Hélène --family-name Exemple --profession lay
  relais join 'https://cabinet.example/join#1.Ag…'
  relais join --server https://cabinet.example    then, on your other device: relais device accept …
  relais --profile ~/second join - --with-passphrase < link.txt")]
pub struct Join {
    /// Set-up, invitation or device link, or `-`
    #[arg(required_unless_present = "server", conflicts_with = "server")]
    link: Option<String>,
    /// Link this device as another one of yours: it shows a request, which your other
    /// device accepts, and then asks for the code that appears there
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    card: CardOptions,
    /// Protect the profile with a passphrase instead of a key file
    #[arg(long)]
    with_passphrase: bool,
}

/// A link is below 2 KiB.
const LINK_BYTES: u64 = 4096;

impl Join {
    /// Checks link and name before anything is made, then makes the profile.
    pub(super) fn prepare(&mut self, opening: &Opening) -> Result<()> {
        if opening.wait.is_none() {
            return Err(Failure::Usage(
                "joining needs the server: leave out --offline".into(),
            ));
        }
        let kind = match &self.link {
            Some(link) => {
                let text = text_or_stdin(link, LINK_BYTES)?.trim().to_owned();
                let link: Link = text
                    .parse()
                    .map_err(|e| Failure::value("LINK", format!("{e}")))?;
                self.link = Some(text);
                link.kind
            }
            None => LinkKind::Device,
        };
        match kind {
            LinkKind::SetUp => self.card.required()?.check()?,
            LinkKind::Invitation | LinkKind::Device if self.card.is_given() => {
                let why = "the link brings the name along: leave out --given-name, \
                           --family-name, --profession and --rpps";
                return Err(Failure::Usage(why.into()));
            }
            LinkKind::Invitation | LinkKind::Device => {}
        }
        let profile = &opening.profile;
        if !profile.exists() {
            let passphrase = self.with_passphrase.then_some(&opening.passphrase);
            profile.create(passphrase)?;
        } else if self.with_passphrase {
            return Err(Failure::Usage(
                "this profile exists already; its key stays".into(),
            ));
        }
        Ok(())
    }

    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let card: Option<OwnCard> = self.card.given()?;
        match (self.link, self.server) {
            (Some(link), _) => {
                session
                    .call(move |engine| {
                        // A join that the server has not answered goes on where it was.
                        if *engine.enrolment() != Enrolment::Joining {
                            engine.join(&link, card)?;
                        }
                        Ok(())
                    })
                    .await?;
            }
            (None, server) => scan(session, server.unwrap_or_default()).await?,
        }
        let enrolled = session.enrolled().await?;
        // The first cards and keys leave before the command ends.
        let up_to_date = enrolled
            && session
                .wait(|e| {
                    let state = e.sync_state()?;
                    Ok(state.caught_up && state.waiting == 0)
                })
                .await?;
        let me = match enrolled {
            true => Some(session.call(|e| Ok(Me::of(&e.whoami()?))).await?),
            false => None,
        };
        Ok(Joined {
            state: if enrolled { "enrolled" } else { "joining" },
            up_to_date,
            me,
        }
        .into())
    }
}

/// Shows the request, waits to be accepted, and asks for the code.
async fn scan(session: &mut Session, server: String) -> Result<()> {
    let request = session
        .call(move |engine| match engine.link_request() {
            Some(request) => Ok(request),
            None => Ok(engine.join_by_scan(&server)?),
        })
        .await?;
    // Told while the command runs: somebody has to carry it to the other device.
    eprintln!("{request}\nOn a device that you use already: relais device accept REQUEST");
    session
        .wait(|e| Ok(*e.enrolment() != Enrolment::Joining))
        .await?;
    if session.call(|e| Ok(e.enrolment().clone())).await? == Enrolment::Comparing {
        eprintln!("The code that your other device shows:");
        let code = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let input = std::path::Path::new("standard input");
        let code = code.await.map_err(|_| Failure::Interrupted)?;
        let code = code.map_err(|e| Failure::file(input, e))?;
        session.call(move |e| Ok(e.confirm_link(&code)?)).await?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Joined {
    /// `enrolled` or `joining`.
    state: &'static str,
    /// Everything that belongs to the enrolment has reached the server.
    up_to_date: bool,
    #[serde(flatten)]
    me: Option<Me>,
}

impl View for Joined {
    fn plain(&self, text: &mut Text) {
        let Some(me) = &self.me else {
            text.note("The server has not answered yet. Nothing is lost: relais sync goes on.");
            return;
        };
        text.line("This device has joined.");
        if me.coordinator {
            text.line("You are the coordinator. Next: invite somebody,");
            text.line("  relais invite --given-name Jean --family-name Fictif --profession 60 --rpps 99900000011");
        } else if me.confirmed {
            text.line("Next: relais people, relais thread list");
        } else {
            text.line("A coordinator's device confirms you by itself when it is next online;");
            text.line("until then you see no names. Next: relais sync, relais whoami");
        }
    }

    fn exit(&self) -> u8 {
        if self.me.is_some() { 0 } else { exit::NETWORK }
    }
}
