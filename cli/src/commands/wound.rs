//! Wounds: opened, assessed, listed, closed and reopened.

use clap::{Args, Subcommand};
use relais_core::commands::NewWound;
use relais_core::schema::v1::{
    AreaSource, BodyPlace, BodySite, Laterality, TissueShares, WoundAssessed,
};

use super::written::{Act, Mark, Written, head};
use crate::failure::{Failure, Result};
use crate::render::Shown;
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::{SeriesView, WoundsView};
use crate::words::{
    Edge, Exudate, ExudateType, InfectionSign, Map, Odour, Origin, Side, Skin, Trend, WoundChange,
};

/// Follow wounds
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  relais wound assess exemple talon --photo 3fa2 --length 42 --width 30 --exudate moderate")]
pub enum Wound {
    Open(Open),
    Assess(Box<Assess>),
    List(List),
    /// Show a wound with its assessments, the oldest first
    #[command(after_help = "Example:\n  relais wound show exemple talon")]
    Show(Which),
    /// Close a wound as healed
    #[command(after_help = "Example:\n  relais wound healed exemple talon")]
    Healed(Which),
    Close(Close),
    /// Follow a closed wound again
    #[command(after_help = "Example:\n  relais wound reopen exemple talon")]
    Reopen(Which),
}

impl Wound {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::Open(command) => command.run(session).await,
            Self::Assess(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Show(which) => show(session, which).await,
            Self::Healed(which) => change(session, which, WoundChange::Healed, String::new()).await,
            Self::Close(Close { which, reason }) => {
                change(session, which, WoundChange::Closed, reason).await
            }
            Self::Reopen(which) => {
                change(session, which, WoundChange::Reopened, String::new()).await
            }
        }
    }
}

/// Open a wound
#[derive(Debug, Args)]
#[command(after_help = "Example:
  relais wound open exemple talon --origin pressure --side left --since 2026-02 --at back:430,985")]
pub struct Open {
    /// Title or id of the thread
    thread: String,
    /// Where on the body, in words
    site: String,
    /// What caused it
    #[arg(long, value_enum)]
    origin: Origin,
    /// Concept id of the site in SNOMED CT
    #[arg(long, value_name = "CODE", default_value = "")]
    snomed: String,
    /// Which side
    #[arg(long, value_enum)]
    side: Option<Side>,
    /// Since when: a day, a month or a year
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// On the body map: side, and per mille of its width and height
    #[arg(long, value_name = "SIDE:X,Y", value_parser = parse_place)]
    at: Option<BodyPlace>,
}

fn parse_place(text: &str) -> std::result::Result<BodyPlace, String> {
    let read = || {
        let (view, point) = text.split_once(':')?;
        let (x, y) = point.split_once(',')?;
        let view = <Map as clap::ValueEnum>::from_str(view, true).ok()?;
        Some(BodyPlace {
            view: view.schema().into(),
            x: x.parse().ok()?,
            y: y.parse().ok()?,
        })
    };
    read().ok_or_else(|| "is not of the form front:430,985 or back:430,985".to_owned())
}

impl Open {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let since = self.since.as_deref();
        let since = since.map(|text| {
            let date = time::parse_date(text);
            date.ok_or_else(|| Failure::value("--since", "is not a date"))
        });
        let new = NewWound {
            origin: self.origin.schema(),
            onset: since.transpose()?,
            site: BodySite {
                code: self.snomed,
                words: self.site,
                laterality: self
                    .side
                    .map_or(Laterality::Unspecified, Side::schema)
                    .into(),
            },
            place: self.at,
        };
        let thread = self.thread;
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &thread)?;
                let after_seq = head(engine, channel)?;
                let wound = engine.open_wound(channel, &new)?;
                Ok(Mark {
                    channel,
                    after_seq,
                    act: Act::Wound(wound),
                })
            })
            .await?;
        Ok(Written::wait(session, mark).await?.into())
    }
}

/// Write down what was found of a wound; lengths in mm
#[derive(Debug, Args)]
#[command(after_help = "Example:
  relais wound assess exemple talon --photo 3fa2 --length 42 --width 30 --depth 4 \\
    --tissue 0,30,60,10 --exudate moderate --exudate-type serous --pain 3 --trend better")]
pub struct Assess {
    #[command(flatten)]
    which: Which,
    /// The photo's event that the numbers were taken from
    #[arg(long, value_name = "EVENT")]
    photo: Option<String>,
    #[arg(long, value_name = "MM")]
    length: Option<u32>,
    #[arg(long, value_name = "MM")]
    width: Option<u32>,
    #[arg(long, value_name = "MM")]
    depth: Option<u32>,
    /// Area that was traced on the photo; otherwise it is length by width
    #[arg(long, value_name = "MM2")]
    traced_area: Option<u32>,
    /// Necrosis, slough, granulation, epithelium in per cent
    #[arg(long, value_name = "N,S,G,E", value_delimiter = ',', num_args = 1..)]
    tissue: Vec<u32>,
    #[arg(long, value_enum)]
    exudate: Option<Exudate>,
    #[arg(long, value_enum)]
    exudate_type: Option<ExudateType>,
    #[arg(long, value_enum, value_delimiter = ',')]
    edge: Vec<Edge>,
    #[arg(long, value_enum, value_delimiter = ',')]
    periwound: Vec<Skin>,
    #[arg(long, value_name = "MM")]
    undermining: Option<u32>,
    #[arg(long, value_name = "MM")]
    tunnelling: Option<u32>,
    #[arg(long, value_enum)]
    odour: Option<Odour>,
    /// 0 to 10
    #[arg(long, value_name = "POINTS")]
    pain: Option<u32>,
    #[arg(long, value_enum, value_delimiter = ',')]
    infection_sign: Vec<InfectionSign>,
    /// The dressing that was put on
    #[arg(long, value_name = "TEXT", default_value = "")]
    dressing: String,
    #[arg(long, value_enum)]
    trend: Option<Trend>,
}

/// As the schema has a word, where 0 means that it was not said.
macro_rules! number {
    ($word:expr) => {
        $word.map_or(0, |word| word.schema().into())
    };
}

macro_rules! numbers {
    ($words:expr) => {
        $words.iter().map(|word| word.schema().into()).collect()
    };
}

impl Assess {
    fn found(&self) -> Result<WoundAssessed> {
        let tissue = match self.tissue[..] {
            [] => None,
            [necrosis, slough, granulation, epithelium] => Some(TissueShares {
                necrosis,
                slough,
                granulation,
                epithelium,
            }),
            _ => return Err(Failure::value("--tissue", "needs four numbers")),
        };
        let traced = self.traced_area.map(|_| AreaSource::Traced);
        Ok(WoundAssessed {
            length_mm: self.length,
            width_mm: self.width,
            depth_mm: self.depth,
            area_mm2: self.traced_area,
            area_source: traced.unwrap_or_default().into(),
            tissue,
            exudate: number!(self.exudate),
            exudate_type: number!(self.exudate_type),
            edges: numbers!(self.edge),
            periwound: numbers!(self.periwound),
            undermining_mm: self.undermining,
            tunnelling_mm: self.tunnelling,
            odour: number!(self.odour),
            pain: self.pain,
            infection_signs: numbers!(self.infection_sign),
            dressing: self.dressing.clone(),
            trend: number!(self.trend),
            ..WoundAssessed::default()
        })
    }

    async fn run(self, session: &mut Session) -> Result<Shown> {
        let mut found = self.found()?;
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.which.thread)?;
                let wound = resolve::wound(engine, channel, &self.which.wound)?;
                found.wound_id = wound.to_bytes();
                if let Some(photo) = &self.photo {
                    found.photo = resolve::event(engine, channel, photo)?.to_bytes();
                }
                let after_seq = head(engine, channel)?;
                let event = engine.assess_wound(channel, found)?;
                Ok(Mark {
                    channel,
                    after_seq,
                    act: Act::Event(event),
                })
            })
            .await?;
        Ok(Written::wait(session, mark).await?.into())
    }
}

/// One wound.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Title or id of the thread
    thread: String,
    /// Site or id of the wound
    wound: String,
}

/// Close a wound that has not healed, with the reason
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais wound close exemple talon --reason 'suivie en ville'")]
pub struct Close {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

async fn change(
    session: &mut Session,
    which: Which,
    change: WoundChange,
    reason: String,
) -> Result<Shown> {
    let mark = session
        .act(move |engine| {
            let channel = resolve::thread(engine, &which.thread)?;
            let wound = resolve::wound(engine, channel, &which.wound)?;
            let after_seq = head(engine, channel)?;
            let event = engine.change_wound(channel, wound, change.schema(), &reason)?;
            Ok(Mark {
                channel,
                after_seq,
                act: Act::Event(event),
            })
        })
        .await?;
    Ok(Written::wait(session, mark).await?.into())
}

/// List the wounds of a thread, those that are followed first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais wound list exemple")]
pub struct List {
    /// Title or id of the thread
    thread: String,
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                WoundsView::of(engine, channel)
            })
            .await?;
        Ok(view.into())
    }
}

/// Shows a wound with its assessments.
async fn show(session: &mut Session, which: Which) -> Result<Shown> {
    session.freshen().await?;
    let view = session
        .call(move |engine| {
            let channel = resolve::thread(engine, &which.thread)?;
            let wound = resolve::wound(engine, channel, &which.wound)?;
            SeriesView::of(engine, channel, wound)
        })
        .await?;
    Ok(view.into())
}
