//! What a run does, as data: drawn from a seed, shrunk by deletion, kept as JSON.

use rand::Rng as _;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::operations::Operation;
use super::{Rng, faults, hostile, operations, rng};

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
        // have none of them, and some a restored server and nothing else of the kind.
        let severity = match rng.gen_range(0..8) {
            0 | 1 => Severity::Everything,
            2 => Severity::Restores,
            _ => Severity::Nothing,
        };
        let people = rng.gen_range(3..=6);
        let suite = if rng.gen_ratio(1, 10) {
            relais_wire::mls::SUITE_XWING
        } else {
            relais_wire::mls::SUITE_X25519
        };
        let steps = (0..operations).map(|_| step(&mut rng, severity)).collect();
        Self {
            seed,
            people,
            suite,
            steps,
        }
    }
}

/// Which faults happen that somebody may stand still after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    Nothing,
    /// The server is backed up and restored, and tells no lies: what is lost and comes
    /// back is judged without exceptions.
    Restores,
    Everything,
}

impl Severity {
    fn weight(self, operation: &Operation) -> u32 {
        let restores = faults::RESTORES.contains(&operation.name);
        match self {
            Self::Everything => operation.weight,
            Self::Restores if restores => 3 * operation.weight,
            Self::Restores if operation.name == hostile::SERVER_LIES => 0,
            Self::Nothing | Self::Restores if operation.severe => 0,
            Self::Nothing | Self::Restores => operation.weight,
        }
    }
}

fn step(rng: &mut Rng, severity: Severity) -> Step {
    let possible: Vec<_> = operations::all().collect();
    // Invariant: the table has an operation that is not severe.
    let drawn = possible.choose_weighted(rng, |operation| severity.weight(operation));
    Step {
        operation: drawn.expect("operations have weights").name.to_owned(),
        seed: rng.r#gen(),
    }
}
