//! What a command needs and a machine may lack. Everything is said at once, and nothing is installed.

use std::path::Path;

use crate::run::{self, Failure, Outcome};

/// What was looked for and not found.
#[derive(Debug, Default)]
pub struct Needs(Vec<String>);

impl Needs {
    /// Notes a thing that is not there, and the command or the step that gets it.
    pub fn unless(&mut self, there: bool, thing: &str, how: &str) {
        if !there {
            self.0.push(format!("{thing}\n    {how}"));
        }
    }

    /// Notes the Rust targets whose standard library this machine lacks.
    pub fn rust_targets(&mut self, targets: &[&str]) {
        let missing: Vec<_> = targets
            .iter()
            .copied()
            .filter(|target| !has_target(target))
            .collect();
        let missing = missing.join(" ");
        self.unless(
            missing.is_empty(),
            &format!("the standard library of {missing}"),
            &format!("rustup target add {missing}"),
        );
    }

    /// Fails with everything that is missing for a purpose.
    pub fn met(self, purpose: &str) -> Outcome {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Failure(format!(
                "{purpose} cannot be done on this machine; it lacks\n  {}",
                self.0.join("\n  ")
            ))),
        }
    }
}

/// Whether the compiler that builds Relais has the standard library of a target, however it was installed.
pub fn has_target(target: &str) -> bool {
    let asked =
        run::output(run::program("rustc").args(["--print", "target-libdir", "--target", target]));
    asked.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_said_at_once_with_the_way_to_get_it() {
        let mut needs = Needs::default();
        needs.unless(false, "a kettle", "buy one");
        needs.unless(true, "water", "open the tap");
        needs.unless(false, "tea", "grow some");
        let Err(failure) = needs.met("tea") else {
            panic!("two things are missing")
        };
        assert_eq!(
            failure.to_string(),
            "tea cannot be done on this machine; it lacks\n  a kettle\n    buy one\n  tea\n    grow some"
        );
        assert!(Needs::default().met("nothing").is_ok());
    }

    #[test]
    fn a_target_that_nobody_has_is_missing_and_named() {
        let mut needs = Needs::default();
        needs.rust_targets(&["abacus-unknown-none"]);
        let Err(failure) = needs.met("counting") else {
            panic!("there is no such target")
        };
        assert!(
            failure
                .to_string()
                .contains("rustup target add abacus-unknown-none")
        );
    }
}
