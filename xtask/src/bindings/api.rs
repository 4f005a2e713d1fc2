//! The public interface of a language as a text: the signatures that the generated source exports, without comments,
//! bodies and what only the generated code itself uses. Kept in the repository, so that a change of it is seen.

use super::{Language, write};
use crate::run::{self, Failure, Outcome};

/// Names that belong to the generated code's own machinery.
const MACHINERY: [&str; 11] = [
    "Uniffi",
    "uniffi",
    "Ffi",
    "RustBuffer",
    "NoHandle",
    "noHandle",
    "withHandle",
    "unsafeFromHandle",
    "InternalException",
    "InternalError",
    "ErrorHandler",
];

/// How a language's declarations begin: those that stand alone, and those inside of one.
struct Grammar {
    alone: &'static [&'static str],
    inside: &'static [&'static str],
}

fn grammar(language: Language) -> Grammar {
    match language {
        Language::Kotlin => Grammar {
            alone: &[
                "public interface ",
                "open class ",
                "data class ",
                "enum class ",
                "sealed class ",
                "fun ",
                "suspend fun ",
            ],
            inside: &[
                "fun ",
                "suspend fun ",
                "val ",
                "object ",
                "class ",
                "data class ",
                "constructor(",
            ],
        },
        Language::Swift => Grammar {
            alone: &["public ", "open "],
            inside: &["public ", "open ", "case ", "func "],
        },
        Language::Python => Grammar {
            alone: &["class ", "def ", "async def "],
            inside: &["def ", "async def ", "class "],
        },
    }
}

/// The signatures in a generated source, one on a line.
pub fn signatures(source: &str, language: Language) -> String {
    let grammar = grammar(language);
    let begins = |line: &str, with: &[&str]| with.iter().any(|start| line.starts_with(start));
    let ours = |line: &str| !MACHINERY.iter().any(|name| line.contains(name));
    let (mut text, mut inside, mut constants) = (String::new(), false, false);
    for (line, indented) in code(source, language) {
        if !indented {
            inside = begins(&line, grammar.alone) && ours(&line);
            constants = line.starts_with("enum class ") || line.contains("(enum.Enum)");
        }
        let constant = constants && indented && is_constant(&line);
        let wanted = !indented || constant || begins(&line, grammar.inside);
        let private = line.contains("def _") && !line.contains("def __init__");
        let local = line.starts_with("val ") && !line.contains(": ");
        if inside && wanted && ours(&line) && !private && !local {
            if indented {
                text.push_str("    ");
            }
            let signature = line.split(" {").next().unwrap_or_default();
            let signature = signature.split(" = ").next().unwrap_or_default();
            text.push_str(signature.trim_end_matches([',', ';', ' ', '{']));
            text.push('\n');
        }
    }
    text
}

/// `TAKEN,` in Kotlin, `TAKEN = 0` in Python.
fn is_constant(line: &str) -> bool {
    let name = line.split([',', ';', ' ']).next().unwrap_or_default();
    let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(letter)
}

/// The lines that are no comment, with single spaces, and whether each is inside of something.
fn code(source: &str, language: Language) -> impl Iterator<Item = (String, bool)> {
    let (begins, ends) = match language {
        Language::Python => ("\"\"\"", "\"\"\""),
        _ => ("/*", "*/"),
    };
    let mut comment = false;
    source.lines().filter_map(move |line| {
        let trimmed = line.trim();
        if comment {
            comment = !trimmed.contains(ends);
            return None;
        }
        if let Some(rest) = trimmed.strip_prefix(begins) {
            comment = !rest.contains(ends);
            return None;
        }
        if trimmed.is_empty() || trimmed.starts_with("//") || trimmed.starts_with('#') {
            return None;
        }
        let indented = line.starts_with([' ', '\t', ')', '}', '{', ']', '@']);
        let plain = trimmed
            .replace('`', "")
            .replace("kotlin.", "")
            .replace("_UniffiTemp", "");
        let words: Vec<&str> = plain.split_whitespace().collect();
        Some((words.join(" "), indented))
    })
}

/// Compares what was generated with what was agreed on, or writes that anew.
pub fn compare(language: Language, source: &str, accept: bool) -> Outcome {
    let now = signatures(source, language);
    if now.lines().count() < 100 {
        return Err(Failure(format!(
            "the generated {} exports next to nothing: is this the right source?",
            language.name()
        )));
    }
    let agreed = run::root().join(format!("mobile-bindings/{}/api.txt", language.name()));
    if accept {
        return write(&agreed, &now);
    }
    let generated = language.folder().join("api.txt");
    write(&generated, &now)?;
    let diff = run::run(run::program("diff").arg("-u").arg(agreed).arg(generated));
    diff.map_err(|_| {
        Failure(format!(
            "the public interface has changed, see above; if this is meant, `cargo xtask bindings {} --accept` \
             keeps it",
            language.name()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kotlin_signatures_are_found() {
        let source = "\
public interface RelaisInterface {
    /**
     * suspend fun `notThis`()
     */
    suspend fun `join`(`link`: kotlin.String, `card`: Card?)
}
open class Relais: Disposable, RelaisInterface {
    constructor(withHandle: UniffiWithHandle)
    override suspend fun `join`() {
        val c = this.callCounter.get()
    }
    companion object {
    suspend fun `open`(`path`: kotlin.String) : Relais {
    }
}
data class Card (
    val `name`: kotlin.String
    ,
)
enum class Sex {
    FEMALE,
    MALE;
}
internal object uniffiFree {
    fun call()
}
fun `describePush`(`payload`: kotlin.ByteArray): PushText {
";
        let expected = "\
public interface RelaisInterface
    suspend fun join(link: String, card: Card?)
open class Relais: Disposable, RelaisInterface
    suspend fun open(path: String) : Relais
data class Card (
    val name: String
enum class Sex
    FEMALE
    MALE
fun describePush(payload: ByteArray): PushText
";
        assert_eq!(signatures(source, Language::Kotlin), expected);
    }

    #[test]
    fn swift_and_python_signatures_are_found() {
        let swift = "\
public protocol RelaisProtocol: AnyObject, Sendable {
    func join(link: String, card: Card?) async throws 
}
public struct FfiConverterTypeCard: FfiConverterRustBuffer {
    public static func read() -> Card {
}
public enum Sex: Equatable {
    case female
}
";
        let expected = "\
public protocol RelaisProtocol: AnyObject, Sendable
    func join(link: String, card: Card?) async throws
public enum Sex: Equatable
    case female
";
        assert_eq!(signatures(swift, Language::Swift), expected);
        let python = "\
class Card:
    \"\"\"
    def not_this(self)
\"\"\"
    def __init__(self, *, name:str):
        self.name = name
    def _uniffi(self):
class Sex(enum.Enum):
    FEMALE = 0
def describe_push(payload: bytes) -> PushText:
";
        let expected = "\
class Card:
    def __init__(self, *, name:str):
class Sex(enum.Enum):
    FEMALE
def describe_push(payload: bytes) -> PushText:
";
        assert_eq!(signatures(python, Language::Python), expected);
    }
}
