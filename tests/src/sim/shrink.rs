//! The least of a plan that still fails: operations are deleted, in halves first and
//! one by one in the end.

use super::plan::Plan;
use super::run;

/// Runs that a shrinking may take.
const RUNS: usize = 400;

/// The least plan found that fails as `plan` does, and its reason.
pub fn shrink(plan: &Plan) -> Option<(Plan, String)> {
    let mut reason = run(plan).failure?.0;
    let mut least = plan.clone();
    let mut length = least.steps.len().div_ceil(2).max(1);
    let mut runs = 0;
    while runs < RUNS {
        let mut shorter = false;
        let mut at = 0;
        while at < least.steps.len() && runs < RUNS {
            let mut tried = least.clone();
            let end = (at + length).min(tried.steps.len());
            tried.steps.drain(at..end);
            runs += 1;
            match run(&tried).failure {
                Some(failure) if kind(&failure.0) == kind(&reason) => {
                    least = tried;
                    reason = failure.0;
                    shorter = true;
                }
                _ => at = end,
            }
        }
        if length == 1 && !shorter {
            break;
        }
        length = length.div_ceil(2);
    }
    Some((least, reason))
}

/// What a reason says apart from ids and numbers: another finding on the way is not
/// followed.
fn kind(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    let words = line.split_whitespace();
    let plain = words.filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    plain.collect::<Vec<_>>().join(" ")
}
