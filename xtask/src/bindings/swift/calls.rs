//! Whether Swift that nobody compiled calls functions and initialisers that there are, by name and argument labels.
//! Types are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::{Failure, Outcome};

/// What methods are called on in the hand-written Swift, where they are the library's or its own.
const RECEIVERS: [&str; 8] = [
    "Relais",
    "again",
    "cancellation",
    "claire",
    "nadia",
    "relais",
    "self",
    "subscription",
];

/// Names of functions, and of types with an initialiser, each with the labels that it can be called with; an argument
/// without a label has an empty one.
type Declared = BTreeMap<String, BTreeSet<Vec<String>>>;

/// Compares all calls in the sources (name and text) with what the generated source and they themselves declare, and
/// answers how many there were.
pub fn check(generated: &str, sources: &[(String, String)]) -> Outcome<usize> {
    let mut declared = Declared::new();
    declare(&plain(generated), &mut declared);
    let sources: Vec<(&str, String)> = sources
        .iter()
        .map(|(name, text)| (name.as_str(), plain(text)))
        .collect();
    for (_, text) in &sources {
        declare(text, &mut declared);
    }
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, text) in &sources {
        for call in calls(text, &declared) {
            count += 1;
            if !call.fits(&declared) {
                wrong.push(format!(
                    "{name}:{}: there is no {}",
                    call.line,
                    call.shown()
                ));
            }
        }
    }
    match (count, wrong.is_empty()) {
        (0, _) => Err(Failure("the hand-written Swift calls nothing".to_owned())),
        (_, true) => Ok(count),
        (_, false) => Err(Failure(wrong.join("\n"))),
    }
}

struct Call {
    line: usize,
    name: String,
    labels: Vec<String>,
    /// Whether a brace follows, which can be a last argument.
    brace: bool,
}

impl Call {
    fn fits(&self, declared: &Declared) -> bool {
        let Some(known) = declared.get(&self.name) else {
            return false;
        };
        let but_last = |labels: &Vec<String>| labels.split_last().map(|(_, rest)| rest.to_vec());
        known.contains(&self.labels)
            || self.brace
                && known
                    .iter()
                    .any(|labels| but_last(labels).as_ref() == Some(&self.labels))
    }

    fn shown(&self) -> String {
        let labels = self.labels.iter().map(|label| match label.as_str() {
            "" => "_:".to_owned(),
            label => format!("{label}:"),
        });
        format!("{}({})", self.name, labels.collect::<String>())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a text, each with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    text.split(|c| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - start, word))
}

/// The text without comments and without what is between quotation marks, with the same lines.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            plain.push_str("\"\"");
            string(rest)
        } else {
            // Backticks only allow a keyword as a name.
            if c != '`' {
                plain.push(c);
            }
            rest = &rest[c.len_utf8()..];
            continue;
        };
        plain.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    plain
}

/// Length of the literal that a text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Adds what a plain text declares.
fn declare(text: &str, declared: &mut Declared) {
    let mut kind = "";
    let mut current = "";
    for (at, word) in words(text) {
        let after = &text[at + word.len()..];
        let name = match kind {
            "func" => Some(word),
            "struct" | "class" => {
                current = word;
                None
            }
            // Others may extend a type of the system, whose own initialisers are not known here.
            "extension" | "enum" | "protocol" => {
                current = "";
                None
            }
            _ if word == "init" => Some(current),
            _ => None,
        };
        if let Some(name) = name
            && let Some((labels, _)) = arguments(after, |parameter| {
                parameter.split_whitespace().next().unwrap_or("_")
            })
        {
            declared.entry(name.to_owned()).or_default().insert(labels);
        }
        kind = word;
    }
}

/// The calls in a plain text that are to be checked.
fn calls(text: &str, declared: &Declared) -> Vec<Call> {
    let (mut found, mut before) = (Vec::new(), "");
    for (at, word) in words(text) {
        let after = &text[at + word.len()..];
        let receiver = text[..at].strip_suffix('.').map(|receiver| {
            let receiver = receiver.trim_end_matches(['?', '!']);
            receiver.rsplit(|c| !is_word(c)).next().unwrap_or_default()
        });
        let wanted = match receiver {
            Some(receiver) => RECEIVERS.contains(&receiver),
            None => {
                let is_type = word.starts_with(char::is_uppercase);
                is_type && before != "func" && declared.contains_key(word)
            }
        };
        before = word;
        if !wanted || !after.starts_with('(') {
            continue;
        }
        let Some((labels, rest)) = arguments(after, |_| "") else {
            continue;
        };
        found.push(Call {
            line: text[..at].matches('\n').count() + 1,
            name: word.to_owned(),
            labels,
            brace: rest.trim_start().starts_with('{'),
        });
    }
    found
}

/// The labels in the parentheses that a text begins with, behind generic parameters, and what follows them.
/// `unlabelled` says the label of an argument that is no word with a colon.
fn arguments<'a>(
    text: &'a str,
    unlabelled: impl Fn(&'a str) -> &'a str,
) -> Option<(Vec<String>, &'a str)> {
    let text = match text.strip_prefix('<') {
        Some(generic) => generic.split_once('>')?.1,
        None => text,
    };
    let inside = text.strip_prefix('(')?;
    let (mut depth, mut begin, mut labels) = (0_usize, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        let ends = c == ')' && depth == 0;
        if ends || c == ',' && depth == 0 {
            let argument = inside[begin..at].trim();
            begin = at + 1;
            if !argument.is_empty() {
                let label = match argument.split_once(':') {
                    Some((label, _)) if label.chars().all(is_word) => label,
                    _ => unlabelled(argument),
                };
                labels.push(label.trim_start_matches('_').to_owned());
            }
        }
        if ends {
            return Some((labels, &inside[at + 1..]));
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATED: &str = r#"
public protocol RelaisProtocol: AnyObject, Sendable {
    func invite(card: Card) async throws  -> Invitation
    func `open`(path: String) throws
}
fileprivate extension Data {
    init(reading: Int) {}
}
public struct Card: Equatable {
    public init(
        /**
         * Family name, as in "(".
         */familyName: String, // the name
        givenName: String) {
    }
}
"#;

    fn checked(text: &str) -> Result<usize, String> {
        let sources = [("Wrapper.swift".to_owned(), text.to_owned())];
        check(GENERATED, &sources).map_err(|failure| failure.to_string())
    }

    #[test]
    fn calls_that_fit_are_counted() {
        let text = r#"
func until<Found>(_ what: String, for name: String, _ look: (Relais) async -> Found?) {}
try await claire.relais.invite(card: Card(familyName: "M, (", givenName: x ? a : b))
let jpeg = try Data(contentsOf: url)
try Relais.open(path: "https://relais.example")
claire.until("Nadia", for: n) { relais in nil }
"#;
        assert_eq!(checked(text), Ok(4));
    }

    #[test]
    fn what_was_renamed_is_named_with_its_line() {
        for (text, problem) in [
            (
                "\n\nrelais.inviteOne(card: c)",
                "Wrapper.swift:3: there is no inviteOne(card:)",
            ),
            (
                "/* a\nb */ nadia?.invite(cards: c)",
                "Wrapper.swift:2: there is no invite(cards:)",
            ),
            (
                "relais.invite(c)",
                "Wrapper.swift:1: there is no invite(_:)",
            ),
            (
                "let c = Card(givenName: g, familyName: f)",
                "Wrapper.swift:1: there is no Card(givenName:familyName:)",
            ),
            (
                "relais.invite(card: c, again: true) { }",
                "Wrapper.swift:1: there is no invite(card:again:)",
            ),
        ] {
            assert_eq!(checked(text), Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_source_without_calls_is_no_proof() {
        assert!(checked("// relais.invite(card: c)").is_err());
    }
}
