//! What a run does, as data: drawn from a seed, shrunk by deletion, kept as JSON.

use rand::Rng as _;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Rng, operations, rng};

/// Operations of a run unless the caller says otherwise.
pub const OPERATIONS: usize = 60;

/// Everything that a run follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Keys, nonces and ids of everybody.
    pub seed: u64,
    /// People at the beginning, with a device each; the first one is a coordinator.
    pub people: usize,
    /// MLS cipher suite.
    pub suite: u16,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One operation with a seed of its own: deleting another does not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name in the table of operations.
    pub operation: String,
    /// Who, what, how long.
    pub seed: u64,
}

impl Plan {
    /// The plan of a seed, with so many operations.
    pub fn draw(seed: u64, operations: usize) -> Self {
        let mut rng = rng(seed, "plan");
        // Faults that end in a visible standstill leave less to compare: most worlds
        // have none of them.
        let severe = rng.gen_ratio(1, 4);
        let people = rng.gen_range(3..=6);
        let suite = if rng.gen_ratio(1, 10) {
            relais_wire::mls::SUITE_XWING
        } else {
            relais_wire::mls::SUITE_X25519
        };
        let steps = (0..operations).map(|_| step(&mut rng, severe)).collect();
        Self {
            seed,
            people,
            suite,
            steps,
        }
    }
}

fn step(rng: &mut Rng, severe: bool) -> Step {
    let possible: Vec<_> = operations::all()
        .filter(|operation| severe || !operation.severe)
        .collect();
    // Invariant: the table has an operation that is not severe.
    let drawn = possible.choose_weighted(rng, |operation| operation.weight);
    Step {
        operation: drawn.expect("operations have weights").name.to_owned(),
        seed: rng.r#gen(),
    }
}
