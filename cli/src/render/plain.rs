//! Text for people. Whatever is written here passes [`neutralise`]: a message of
//! somebody else never moves the cursor, recolours or turns round a terminal.

use std::fmt::Display;

use crate::failure::Failure;

/// Lines for the output and notes for the error output.
#[derive(Debug, Default, Clone)]
pub struct Text {
    out: String,
    notes: String,
}

impl Text {
    /// One line; a line break inside is escaped.
    pub fn line(&mut self, line: impl Display) {
        push(&mut self.out, "", &line.to_string());
    }

    /// One line of the error output: what is not part of the result.
    pub fn note(&mut self, line: impl Display) {
        push(&mut self.notes, "", &line.to_string());
    }

    /// A text with lines of its own, each behind `indent`.
    pub fn block(&mut self, indent: &str, text: &str) {
        for line in text.lines() {
            push(&mut self.out, indent, line);
        }
    }

    /// A table: columns as wide as their content needs.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        let rows: Vec<[String; N]> = rows
            .iter()
            .map(|row| std::array::from_fn(|i| neutralise(&row[i])))
            .collect();
        let width = |i: usize| {
            let cells = rows.iter().map(|row| row[i].chars().count());
            cells.chain([head[i].len()]).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let mut write = |cells: [&str; N]| {
            let padded: Vec<String> = cells
                .iter()
                .zip(widths)
                .map(|(cell, width)| {
                    let pad = width - cell.chars().count();
                    format!("{cell}{}", " ".repeat(pad))
                })
                .collect();
            push(&mut self.out, "", padded.join("  ").trim_end());
        };
        write(head);
        for row in &rows {
            write(std::array::from_fn(|i| row[i].as_str()));
        }
    }

    /// What goes to the output.
    pub fn out(&self) -> &str {
        &self.out
    }

    /// What goes to the error output.
    pub fn notes(&self) -> &str {
        &self.notes
    }
}

fn push(to: &mut String, indent: &str, line: &str) {
    to.push_str(indent);
    to.push_str(&neutralise(line));
    to.push('\n');
}

/// Writes out what could steer a terminal or deceive the eye: control characters
/// (C0, DEL, C1), line and paragraph separators, bidirectional controls, and
/// characters that draw nothing and hide a difference. A tab becomes a space.
pub fn neutralise(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => safe.push(' '),
            '\n' => safe.push_str("\\n"),
            _ if c.is_control() || steers(c) => {
                safe.push_str(&format!("\\u{{{:04x}}}", u32::from(c)));
            }
            _ => safe.push(c),
        }
    }
    safe
}

fn steers(c: char) -> bool {
    matches!(c,
        '\u{2028}' | '\u{2029}'
        // Bidirectional marks may be needed by a text; overrides, embeddings and
        // isolates reach beyond it.
        | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}'
        | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// A failure, with what to do about it.
pub fn failure(failure: &Failure) -> String {
    let mut text = Text::default();
    text.note(format_args!("relais: {failure}"));
    if let Failure::Ambiguous { candidates, .. } = failure {
        for candidate in candidates {
            let id = candidate.id.get(..8).unwrap_or(&candidate.id);
            text.note(format_args!("  {id}  {}", candidate.label));
        }
        text.note("Type more of the name, or the beginning of the id.");
    }
    text.notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "Hélène Exemple : 38,5\u{202F}°C, « bien » 👩\u{200D}⚕\u{FE0F} مريم";
        assert_eq!(neutralise(text), text);
    }

    #[test]
    fn a_terminal_is_never_steered() {
        let hostile = "a\x1b[2Jb\x1b]0;title\x07c\u{9b}31md\re\x08f\x7fg\0";
        let safe = neutralise(hostile);
        assert!(!safe.chars().any(char::is_control), "{safe}");
        assert_eq!(
            safe,
            "a\\u{001b}[2Jb\\u{001b}]0;title\\u{0007}c\\u{009b}31md\\u{000d}e\\u{0008}f\\u{007f}g\\u{0000}"
        );
    }

    #[test]
    fn text_is_never_turned_round() {
        for c in ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}') {
            assert!(!neutralise(&format!("a{c}b")).contains(c));
        }
    }

    #[test]
    fn a_message_cannot_pass_for_another_line() {
        let mut text = Text::default();
        text.line("a\nDr Fictif: b\u{2028}c");
        assert_eq!(text.out(), "a\\nDr Fictif: b\\u{2028}c\n");
        let mut text = Text::default();
        text.block("    ", "a\n\x1b[1mb\r\nc");
        assert_eq!(text.out(), "    a\n    \\u{001b}[1mb\n    c\n");
    }

    #[test]
    fn a_table_is_as_wide_as_its_content_and_escapes_it() {
        let mut text = Text::default();
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        text.table(["NAME", "ID"], &[row("Hélène", "1"), row("\x1b", "2")]);
        assert_eq!(text.out(), "NAME      ID\nHélène    1\n\\u{001b}  2\n");
    }
}
