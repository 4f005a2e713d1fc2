//! The table of everything that can happen. Adding an act or a fault: a function in
//! `acts`, `threads`, `people`, `faults`, `hostile` or `member`, and a row there.

use super::{Checked, Rng, Sim, acts, faults, hostile, member, people, threads};

/// One kind of operation.
pub struct Operation {
    /// Names it in plans and traces; changing it voids recorded regressions.
    pub name: &'static str,
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// Somebody may end in a standstill that is declared beforehand.
    pub severe: bool,
    /// Carries it out and says what it did.
    pub run: fn(&mut Sim, &mut Rng) -> Checked<String>,
}

/// Every operation.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [
        acts::ACTS,
        threads::ACTS,
        people::ACTS,
        faults::FAULTS,
        hostile::FAULTS,
        member::FAULTS,
    ]
    .into_iter()
    .flatten()
}

/// The operation of a name.
pub fn named(name: &str) -> Option<&'static Operation> {
    all().find(|operation| operation.name == name)
}

/// An operation without severe consequences.
pub const fn usual(
    name: &'static str,
    weight: u32,
    run: fn(&mut Sim, &mut Rng) -> Checked<String>,
) -> Operation {
    Operation {
        name,
        weight,
        severe: false,
        run,
    }
}

/// An operation after which somebody may stand still, visibly.
pub const fn severe(
    name: &'static str,
    weight: u32,
    run: fn(&mut Sim, &mut Rng) -> Checked<String>,
) -> Operation {
    Operation {
        name,
        weight,
        severe: true,
        run,
    }
}
