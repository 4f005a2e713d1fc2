//! The snippets of the guide: parts of files that are compiled and run, included and not typed again.
//!
//! In a source, `// guide: NAME` begins a part, which the next such line ends. In the guide a line
//! `<!-- FILE: NAME -->` stands before the block of code that is this part.

use std::fs;

use super::{failed_at, write};
use crate::run::{self, Failure, Outcome};

const GUIDE: &str = "docs/mobile.md";
const MARK: &str = "// guide: ";

/// Whether the guide shows what the sources have, or makes it so.
pub fn compare(accept: bool) -> Outcome {
    let path = run::root().join(GUIDE);
    let text = fs::read_to_string(&path).map_err(failed_at(&path))?;
    let included = include(&text, |file, name| {
        let path = run::root().join(file);
        let source = fs::read_to_string(&path).map_err(failed_at(&path))?;
        part(&source, name).ok_or_else(|| Failure(format!("{file} has no part \"{name}\"")))
    })?;
    match (text == included, accept) {
        (true, _) => Ok(()),
        (false, true) => write(&path, &included),
        (false, false) => Err(Failure(format!(
            "{GUIDE} does not show what the sources have; `cargo xtask bindings guide` makes it so"
        ))),
    }
}

/// A part of a source, without the indentation that all of its lines have.
fn part(source: &str, name: &str) -> Option<String> {
    let mut lines = source.lines();
    lines.find(|line| line.trim().strip_prefix(MARK) == Some(name))?;
    let lines: Vec<&str> = lines
        .take_while(|line| !line.trim().starts_with(MARK))
        .collect();
    let indents = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = indents
        .map(|line| line.len() - line.trim_start().len())
        .min()?;
    let stripped = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default());
    Some(stripped.collect::<Vec<_>>().join("\n").trim().to_owned())
}

/// The guide with each included block as `part` has it now.
fn include(text: &str, part: impl Fn(&str, &str) -> Outcome<String>) -> Outcome<String> {
    let mut included = String::new();
    let mut lines = text.lines();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        included.push_str(line);
        included.push('\n');
        let Some((file, name)) = named(line) else {
            continue;
        };
        let fence = lines.next().filter(|fence| fence.starts_with("```"));
        let fence = fence.ok_or_else(|| Failure(format!("no block of code follows {line}")))?;
        if !lines.by_ref().any(|line| line == "```") {
            return Err(Failure(format!(
                "the block of code after {line} has no end"
            )));
        }
        included.push_str(&format!("{fence}\n{}\n```\n", part(file, name)?));
        blocks += 1;
    }
    match blocks {
        0 => Err(Failure(format!("{GUIDE} includes nothing"))),
        _ => Ok(included),
    }
}

/// File and name of a line that includes a part.
fn named(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("<!-- ")?
        .strip_suffix(" -->")?
        .split_once(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
fun main() {
    // guide: open
    val relais =
        open()

    // guide: join
    relais.join()
    // guide: end
}
";

    #[test]
    fn a_part_ends_at_the_next_one_and_loses_its_indentation() {
        assert_eq!(
            part(SOURCE, "open").as_deref(),
            Some("val relais =\n    open()")
        );
        assert_eq!(part(SOURCE, "join").as_deref(), Some("relais.join()"));
        assert_eq!(part(SOURCE, "close"), None);
    }

    #[test]
    fn a_block_becomes_what_its_source_has() {
        let guide = "Join:\n\n<!-- a.kt: join -->\n```kotlin\nold()\n```\nThen wait.\n";
        let from_source = |file: &str, name: &str| {
            assert_eq!(file, "a.kt");
            part(SOURCE, name).ok_or_else(|| Failure("no such part".to_owned()))
        };
        let included = include(guide, from_source);
        assert!(
            matches!(&included, Ok(text) if text.contains("```kotlin\nrelais.join()\n```\nThen wait."))
        );
        assert!(include("no code at all\n", from_source).is_err());
        assert!(include("<!-- a.kt: gone -->\n```kotlin\n```\n", from_source).is_err());
        assert!(include("<!-- a.kt: join -->\n```kotlin\n", from_source).is_err());
    }
}
