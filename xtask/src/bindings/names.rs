//! Names in generated documentation. The comments are those of the Rust source; where they name a function, a field or
//! an error, a reader of Kotlin or Swift looks for it as it is written there.

use std::collections::HashSet;

use super::Language;

/// The source with the names in its comments as its language has them.
pub fn adapt(source: &str, language: Language) -> String {
    if language == Language::Python {
        return source.to_owned(); // It writes names as Rust does.
    }
    let words: HashSet<&str> = source
        .lines()
        .filter(|line| !is_comment(line))
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric()))
        .collect();
    let mut adapted = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        if is_comment(line) {
            // What stands between backticks is at odd places.
            for (place, part) in line.split('`').enumerate() {
                if place > 0 {
                    adapted.push('`');
                }
                match place % 2 {
                    1 => adapted.push_str(&named(part, language, &words)),
                    _ => adapted.push_str(part),
                }
            }
        } else {
            adapted.push_str(line);
        }
    }
    adapted
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("* ") || line.starts_with("/*") || line.starts_with("//")
}

/// A name, or several with dots between them. One that the source does not have stays: it is a code.
fn named(name: &str, language: Language, words: &HashSet<&str>) -> String {
    let part = |part: &str| {
        let renamed = match (language, part.strip_suffix("Error")) {
            (Language::Kotlin, Some(stem)) => format!("{stem}Exception"),
            _ => camel(part),
        };
        // The beginning of a code ends with an underscore.
        match words.contains(renamed.as_str()) && !part.ends_with('_') {
            true => renamed,
            false => part.to_owned(),
        }
    };
    name.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
    /**
     * Shows what `Relais.join_by_scan` answers. Fails with `PlatformError` or the code `key_missing`.
     * Or with one that begins with `key_`.
     */
    suspend fun `joinByScan`(): String
    class PlatformException
    val key_missing = \"`join_by_scan`\"
    val key = 1
";

    #[test]
    fn names_are_written_as_in_the_language_and_codes_stay() {
        let adapted = adapt(SOURCE, Language::Kotlin);
        let comment = adapted.lines().nth(1);
        let expected = "     * Shows what `Relais.joinByScan` answers. Fails with `PlatformException` or the code `key_missing`.";
        assert_eq!(comment, Some(expected));
        assert!(adapted.contains("with `key_`"), "{adapted}");
        let code = |text: &str| text.lines().skip(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(code(&adapted), code(SOURCE), "code is left alone");
        assert_eq!(adapt(SOURCE, Language::Python), SOURCE);
    }
}
