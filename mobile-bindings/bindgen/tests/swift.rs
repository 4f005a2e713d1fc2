//! The hand-written Swift is parsed, because nothing here can compile it: a file that is not
//! Swift fails with its line. Whether it calls what there is, `cargo xtask bindings swift`
//! checks against the generated source.

use std::fs;
use std::path::{Path, PathBuf};

use tree_sitter::{Node, Parser};

/// Where the hand-written Swift is.
const SWIFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../swift");

/// All Swift files in a folder and below it, without what is built.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !name.to_string_lossy().starts_with('.') {
                found.extend(files(&path));
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "swift")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What in this text is no Swift: line and kind, nothing for a file that parses.
fn faults(text: &str) -> Vec<(usize, &'static str)> {
    let mut parser = Parser::new();
    let language = tree_sitter_swift::LANGUAGE.into();
    parser.set_language(&language).expect("a grammar that fits");
    let tree = parser.parse(text, None).expect("a tree");
    let mut faults = Vec::new();
    collect(tree.root_node(), &mut faults);
    faults
}

fn collect(node: Node<'_>, faults: &mut Vec<(usize, &'static str)>) {
    let line = node.start_position().row + 1;
    if node.is_missing() {
        faults.push((line, "something is missing"));
    } else if node.is_error() {
        faults.push((line, "this is no Swift"));
    }
    if node.has_error() {
        for child in node.children(&mut node.walk()) {
            collect(child, faults);
        }
    }
}

#[test]
fn the_hand_written_swift_is_swift() {
    let files = files(Path::new(SWIFT));
    assert!(!files.is_empty(), "there is no Swift in {SWIFT}");
    let mut refused = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a text");
        let name = file.strip_prefix(SWIFT).unwrap_or(file).display();
        let faults = faults(&text).into_iter();
        refused.extend(faults.map(|(line, what)| format!("{name}:{line}: {what}")));
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn what_is_no_swift_is_refused_with_its_line() {
    let whole =
        "func greet(name: String) async throws -> String {\n    return \"Bonjour \\(name)\"\n}\n";
    assert_eq!(faults(whole), []);
    let lines = |text: &str| {
        faults(text)
            .into_iter()
            .map(|(line, _)| line)
            .collect::<Vec<_>>()
    };
    let broken = whole.replace("-> String", "-> ->");
    assert_eq!(lines(&broken), [1], "{broken}");
    let unclosed = whole.trim_end().trim_end_matches('}');
    assert!(!lines(unclosed).is_empty(), "{unclosed}");
    let rust = format!("{whole}fn greet(name: &str) -> String {{}}\n");
    assert!(lines(&rust).contains(&4), "{:?}", faults(&rust));
}
