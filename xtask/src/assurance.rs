//! Which test proves which security requirement.
//!
//! A test claims requirements in a comment directly above it, `proves:` and their ids. The ids are those of
//! `xtask/requirements.txt`; one that is not there is an error, and so is a claim that no function follows.

use std::collections::BTreeMap;

use crate::run::{self, Failure, Outcome};

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const SOURCES: [&str; 4] = ["*.rs", "*.ts", "*.py", "*.kt"];

struct Requirement {
    id: &'static str,
    text: &'static str,
}

/// One comment that claims requirements for one test.
#[derive(Debug, PartialEq, Eq)]
struct Claim {
    ids: Vec<String>,
    test: String,
}

/// `cargo xtask assurance`.
pub fn command(strict: bool) -> Outcome {
    let requirements = requirements();
    let proofs = collect(&requirements)?;
    let mut open = Vec::new();
    let mut tests = 0;
    for Requirement { id, text } in &requirements {
        println!("{id:<4} {text}");
        match proofs.get(id) {
            None => open.push(*id),
            Some(names) => names.iter().for_each(|name| println!("       {name}")),
        }
        tests += proofs.get(id).map_or(0, Vec::len);
    }
    let proved = requirements.len() - open.len();
    println!(
        "\n{proved} of {} requirements have a test ({tests} proofs); {} are open",
        requirements.len(),
        open.len()
    );
    if !open.is_empty() {
        println!("open: {}", open.join(" "));
    }
    if strict && !open.is_empty() {
        Err(Failure(format!("open: {}", open.join(" "))))
    } else {
        Ok(())
    }
}

fn requirements() -> Vec<Requirement> {
    let lines = REQUIREMENTS
        .lines()
        .filter_map(|line| line.split_once('\t'));
    lines.map(|(id, text)| Requirement { id, text }).collect()
}

/// The tests of each requirement, from all tracked sources.
fn collect(requirements: &[Requirement]) -> Outcome<BTreeMap<&'static str, Vec<String>>> {
    let files = run::output(
        run::program("git")
            .args(["ls-files", "-z", "--"])
            .args(SOURCES),
    )?;
    let mut proofs: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut errors = Vec::new();
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        // A tracked file that is deleted in the work tree proves nothing.
        let Ok(text) = std::fs::read_to_string(run::root().join(file)) else {
            continue;
        };
        for claim in claims(&text) {
            match claim {
                Err(error) => errors.push(format!("{file}:{error}")),
                Ok(claim) => {
                    for id in &claim.ids {
                        match requirements.iter().find(|known| known.id == id) {
                            Some(known) => {
                                proofs
                                    .entry(known.id)
                                    .or_default()
                                    .push(format!("{} ({file})", claim.test));
                            }
                            None => errors.push(format!(
                                "{file}: {} proves {id}, which is no requirement",
                                claim.test
                            )),
                        }
                    }
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(proofs)
    } else {
        Err(Failure(errors.join("\n")))
    }
}

/// All claims of one source; an error is `line: what is wrong`.
fn claims(text: &str) -> Vec<Result<Claim, String>> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(mut ids) = claimed(line) else {
            continue;
        };
        let mut in_attribute = false;
        let test = loop {
            let Some((_, line)) = lines.next() else {
                break None;
            };
            if let Some(more) = claimed(line) {
                ids.extend(more);
            } else if let Some(name) = function(line) {
                break Some(name);
            } else if !between(line, &mut in_attribute) {
                break None;
            }
        };
        found.push(match test {
            _ if ids.iter().any(String::is_empty) => Err(format!("{}: an empty id", number + 1)),
            Some(test) => Ok(Claim { ids, test }),
            None => Err(format!(
                "{}: a claim must stand directly above its test",
                number + 1
            )),
        });
    }
    found
}

/// The ids that a comment claims.
fn claimed(line: &str) -> Option<Vec<String>> {
    let line = line.trim_start();
    let comment = line.strip_prefix("//").or_else(|| line.strip_prefix('#'))?;
    let ids = comment.trim_start().strip_prefix("proves:")?;
    Some(
        ids.split(',')
            .map(|id| id.trim().trim_end_matches('.').to_owned())
            .collect(),
    )
}

/// Whether this line may stand between a claim and its test: nothing, a comment, an attribute or decorator.
fn between(line: &str, in_attribute: &mut bool) -> bool {
    let line = line.trim();
    let opens = line.starts_with("#[") || line.starts_with('@');
    if opens || *in_attribute {
        let balance = |open, close| line.matches(open).count() > line.matches(close).count();
        *in_attribute = if opens {
            balance('[', ']') || balance('(', ')')
        } else {
            !line.ends_with([']', ')'])
        };
        return true;
    }
    line.is_empty() || line.starts_with("//") || line.starts_with('#')
}

/// The name of the test that this line begins, in Rust, Python, Kotlin or TypeScript.
fn function(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with("//") || line.starts_with('#') {
        return None;
    }
    for keyword in ["fn ", "def ", "fun ", "function "] {
        let begins = line.strip_prefix(keyword).or_else(|| {
            line.split_once(&format!(" {keyword}"))
                .map(|(_, rest)| rest)
        });
        let Some(rest) = begins else { continue };
        let name = match rest.strip_prefix('`') {
            Some(quoted) => quoted.split('`').next(),
            None => rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next(),
        };
        return name.filter(|name| !name.is_empty()).map(str::to_owned);
    }
    let called = ["test", "it"]
        .into_iter()
        .find_map(|call| line.strip_prefix(call))?;
    let quote = called
        .starts_with(['(', '.'])
        .then(|| called.find(['"', '\'', '`']))??;
    let mark = called[quote..].chars().next()?;
    called[quote + 1..].split(mark).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let claim = |claim: Result<Claim, String>| match claim {
            Ok(claim) => (claim.ids.join(" "), claim.test),
            Err(error) => ("error".to_owned(), error),
        };
        claims(text).into_iter().map(claim).collect()
    }

    fn pair(ids: &str, test: &str) -> (String, String) {
        (ids.to_owned(), test.to_owned())
    }

    #[test]
    fn a_test_is_found_in_each_language() {
        let rust = "// proves: M1, W3\n#[test]\nfn a_clone_freezes() {}\nfn helper() {}";
        assert_eq!(found(rust), [pair("M1 W3", "a_clone_freezes")]);
        let tokio = "    #[tokio::test(\n        start_paused = true\n    )]\n    // proves: D3\n    pub async fn kept(world: World) {";
        assert_eq!(found(tokio), [pair("D3", "kept")]);
        assert_eq!(
            found("# proves: P1\n@parametrize(\n  'a'\n)\nasync def test_locked():"),
            [pair("P1", "test_locked")]
        );
        assert_eq!(
            found("// proves: S2\n@Test\nfun `ten tries`() {}"),
            [pair("S2", "ten tries")]
        );
        assert_eq!(
            found("// proves: W5\ntest.skip('no script runs', async () => {"),
            [pair("W5", "no script runs")]
        );
    }

    #[test]
    fn claims_on_several_lines_belong_to_the_same_test() {
        let text = "// proves: M1\n// proves: M2\n/// Why.\n\n#[rstest(\n    a,\n)]\nfn both() {}";
        assert_eq!(found(text), [pair("M1 M2", "both")]);
    }

    #[test]
    fn a_claim_without_a_test_is_an_error() {
        assert_eq!(found("// proves: M1")[0].0, "error");
        assert_eq!(
            found("// proves: M1\nlet x = 1;\nfn far_away() {}")[0].0,
            "error"
        );
        assert_eq!(found("// proves:\nfn nothing() {}")[0].0, "error");
    }

    #[test]
    fn a_mention_in_text_is_no_claim() {
        assert!(
            found("let text = \"// proves: M1\";\nfn f() {}\n// this proves: M2\nfn g() {}")
                .is_empty()
        );
    }

    #[test]
    fn requirement_ids_are_unique_and_explained() {
        let mut ids: Vec<_> = requirements().iter().map(|known| known.id).collect();
        assert_eq!(
            ids.len(),
            REQUIREMENTS.lines().count(),
            "a line without a tab"
        );
        assert!(
            requirements()
                .iter()
                .all(|known| !known.text.trim().is_empty())
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), requirements().len());
    }
}
