//! What a person means by a name, a part of a title or the beginning of an id.
//! Never guesses: what could be two things is an error that lists them.

use icu_normalizer::DecomposingNormalizerBorrowed;
use relais_core::Engine;
use relais_core::query::{TimelineBody, WoundRecord};
use relais_core::wire::ids::{ChannelId, EventId, ProfessionalId, TaskId, WoundId};

use crate::failure::{Candidate, Failure, Result};

/// All settled items: more than a device will ever hold.
pub const ALL: usize = u32::MAX as usize;

/// Fewer characters of a name, or digits of an id, could be a slip of the finger:
/// they must not add somebody to a patient's circle.
const LEAST_NAME: usize = 3;
const LEAST_ID: usize = 4;

/// For people: themselves.
const ME: &str = "me";

/// Without case and accents: `Hélène` and `HELENE` are the same.
pub fn fold(text: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfkd()
        .normalize(text)
        .chars()
        .filter(|c| !('\u{300}'..='\u{36F}').contains(c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The one candidate that `query` means: a whole id, a whole name, or else the
/// beginning of an id, a word or a part of a name, whichever it is.
///
/// # Errors
/// [`Failure::NoMatch`], [`Failure::Ambiguous`] with what it could be.
pub fn pick(what: &'static str, query: &str, candidates: &[Candidate]) -> Result<usize> {
    let typed = query.trim().to_lowercase();
    let folded = fold(query);
    let none = || Failure::NoMatch {
        what,
        query: query.to_owned(),
    };
    if folded.is_empty() {
        return Err(none());
    }
    if let Some(found) = candidates.iter().position(|c| c.id == typed) {
        return Ok(found);
    }
    let matching = |test: &dyn Fn(&Candidate) -> bool| -> Vec<usize> {
        let found = candidates.iter().enumerate().filter(|(_, c)| test(c));
        found.map(|(place, _)| place).collect()
    };
    let whole = matching(&|c| fold(&c.label) == folded);
    let found = if whole.is_empty() {
        matching(&|c| is_beginning(&typed, &c.id) || is_part(&folded, &fold(&c.label)))
    } else {
        whole
    };
    match found[..] {
        [] => Err(none()),
        [one] => Ok(one),
        _ => Err(Failure::Ambiguous {
            what,
            query: query.to_owned(),
            candidates: found
                .iter()
                .map(|place| candidates[*place].clone())
                .collect(),
        }),
    }
}

fn is_beginning(typed: &str, id: &str) -> bool {
    typed.len() >= LEAST_ID && id.starts_with(typed)
}

fn is_part(folded: &str, label: &str) -> bool {
    let mut words = label.split(|c: char| !c.is_alphanumeric());
    (folded.chars().count() >= LEAST_NAME && label.contains(folded)) || words.any(|w| w == folded)
}

fn choose<T: Copy>(
    what: &'static str,
    query: &str,
    list: impl IntoIterator<Item = (T, String, String)>,
) -> Result<T> {
    let (ids, candidates): (Vec<T>, Vec<Candidate>) = list
        .into_iter()
        .map(|(id, hex, label)| (id, Candidate { id: hex, label }))
        .unzip();
    Ok(ids[pick(what, query, &candidates)?])
}

/// A thread by title or id.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn thread(engine: &Engine, query: &str) -> Result<ChannelId> {
    let threads = engine.threads()?;
    choose(
        "thread",
        query,
        threads
            .into_iter()
            .map(|t| (t.channel, t.channel.to_string(), t.title)),
    )
}

/// Anyone of the structure by name or id; `me` is oneself.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn person(engine: &Engine, query: &str) -> Result<ProfessionalId> {
    if query == ME {
        return Ok(engine.whoami()?.professional);
    }
    let people = engine.people()?;
    let named = |id: ProfessionalId| (id, id.to_string(), engine.name(&id));
    choose(
        "person",
        query,
        people.into_iter().map(|p| named(p.professional)),
    )
}

/// A member of a thread by name or id; somebody who is only being added is found
/// among the structure's people.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn member(engine: &Engine, channel: ChannelId, query: &str) -> Result<ProfessionalId> {
    let members = engine.members(channel)?;
    let named = |id: ProfessionalId| (id, id.to_string(), engine.name(&id));
    let found = choose(
        "member",
        query,
        members.into_iter().map(|m| named(m.professional)),
    );
    match found {
        Err(Failure::NoMatch { .. }) => person(engine, query),
        found => found,
    }
}

/// The person of an invitation issued here.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn invited(engine: &Engine, query: &str) -> Result<ProfessionalId> {
    let open = engine
        .invitations()?
        .into_iter()
        .filter(|i| !(i.used || i.withdrawn || i.pending));
    let named = |id: ProfessionalId| (id, id.to_string(), engine.name(&id));
    choose("invitation", query, open.map(|i| named(i.professional)))
}

/// A task by title or id.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn task(engine: &Engine, channel: ChannelId, query: &str) -> Result<TaskId> {
    let tasks = engine.tasks(channel)?;
    choose(
        "task",
        query,
        tasks
            .into_iter()
            .map(|t| (t.task, t.task.to_string(), t.title)),
    )
}

/// A wound by site or id.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn wound(engine: &Engine, channel: ChannelId, query: &str) -> Result<WoundId> {
    let wounds = engine.wounds(channel)?.into_iter();
    let site = |wound: &WoundRecord| wound.opened.site.as_ref().map(|site| site.words.clone());
    choose(
        "wound",
        query,
        wounds.map(|w| (w.wound, w.wound.to_string(), site(&w).unwrap_or_default())),
    )
}

/// An event of a thread by the beginning of its id.
///
/// # Errors
/// Those of [`pick`] and of the engine.
pub fn event(engine: &Engine, channel: ChannelId, query: &str) -> Result<EventId> {
    let items = engine.timeline(channel, 0, ALL)?;
    let events = items.into_iter().filter_map(|item| match item.body {
        TimelineBody::Event(id, _) => Some((id, id.to_string(), String::new())),
        _ => None,
    });
    choose("message", query, events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        [
            ("0a1b2c00", "Hélène Exemple"),
            ("0a1bff00", "Jean-Noël Fictif"),
            ("dada0000", "Adaline Exemple-Ferrand"),
            ("ffff0000", "Hélène Exemple-Roux"),
        ]
        .map(|(id, label)| Candidate {
            id: id.into(),
            label: label.into(),
        })
        .into()
    }

    fn found(query: &str) -> Option<usize> {
        pick("person", query, &candidates()).ok()
    }

    #[test]
    fn a_part_of_a_name_is_enough_whatever_its_case_and_accents() {
        assert_eq!(found("noel"), Some(1));
        assert_eq!(found("JEAN-NOËL"), Some(1));
        // Decomposed, as some keyboards write it.
        assert_eq!(found("Noe\u{308}l"), Some(1));
        assert_eq!(found("  ferrand "), Some(2));
    }

    #[test]
    fn the_beginning_of_an_id_is_enough() {
        assert_eq!(found("0a1b2"), Some(0));
        assert_eq!(found("0A1BF"), Some(1));
        assert_eq!(found("0a1b2c00"), Some(0));
    }

    #[test]
    fn a_whole_name_wins_over_one_that_contains_it() {
        assert_eq!(found("helene exemple"), Some(0));
    }

    #[test]
    fn what_could_be_two_people_is_refused_with_both() {
        let Err(Failure::Ambiguous { candidates, .. }) = pick("person", "0a1b", &candidates())
        else {
            panic!("ambiguous");
        };
        let ids: Vec<_> = candidates.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["0a1b2c00", "0a1bff00"]);
        // Begins one id and stands in another one's name.
        let mut list = self::candidates();
        list[0].id = "adal0000".into();
        assert!(matches!(
            pick("person", "adal", &list),
            Err(Failure::Ambiguous { .. })
        ));
    }

    #[test]
    fn a_slip_of_the_finger_means_nobody_and_a_short_name_is_a_name() {
        for query in ["f", "je", "ff", "0a1", "ffe"] {
            assert_eq!(found(query), None, "{query}");
        }
        let mut list = candidates();
        list[2].label = "Yu Li".into();
        assert_eq!(pick("person", "li", &list).ok(), Some(2));
        assert_eq!(pick("person", "i", &list).ok(), None);
    }

    #[test]
    fn nothing_never_means_something() {
        for query in ["", " ", "\u{301}", "zz", "0a1b2c000"] {
            assert!(
                matches!(
                    pick("person", query, &candidates()),
                    Err(Failure::NoMatch { .. })
                ),
                "{query:?}"
            );
        }
    }
}
