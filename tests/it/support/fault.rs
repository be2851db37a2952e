//! Faults at chosen steps, in this thread or in a child process.

use ovpack::fault::{FaultPlan, Outcome, arm, disarm};

/// The medium failed.
pub(crate) const EIO: i32 = 5;
/// The disk is full.
pub(crate) const ENOSPC: i32 = 28;

/// Disarms the thread also where the act panics.
struct Disarm;

impl Drop for Disarm {
    fn drop(&mut self) {
        disarm();
    }
}

/// Runs an act and returns the names of the steps that it asked for.
pub(crate) fn steps_of(act: impl FnOnce()) -> Vec<&'static str> {
    arm(FaultPlan {
        at: 0,
        outcome: Outcome::Count,
    });
    let _disarm = Disarm;
    act();
    disarm()
}

/// Runs an act whose step `at` (counted from 1) meets `outcome`.
pub(crate) fn with_fault<T>(at: u64, outcome: Outcome, act: impl FnOnce() -> T) -> T {
    arm(FaultPlan { at, outcome });
    let _disarm = Disarm;
    act()
}

/// Chooses the steps to try: all where there are at most `most`; else every step that makes
/// something visible or durable, and of the others as many as fit, evenly spread.
pub(crate) fn sample(steps: &[&str], most: usize) -> Vec<u64> {
    let numbered = || steps.iter().zip(1_u64..);
    let decisive = |name: &str| {
        matches!(name, "exchange" | "rename" | "fsync" | "syncfs") || name.starts_with("database")
    };
    if steps.len() <= most || std::env::var_os("OVPACK_CRASH_FULL").is_some() {
        return numbered().map(|(_, at)| at).collect();
    }
    let (mut chosen, others): (Vec<_>, Vec<_>) = numbered().partition(|(name, _)| decisive(name));
    let room = most.saturating_sub(chosen.len()).max(1);
    chosen.extend(
        others
            .iter()
            .step_by(others.len().div_ceil(room).max(1))
            .copied(),
    );
    let mut chosen: Vec<_> = chosen.into_iter().map(|(_, at)| at).collect();
    chosen.sort_unstable();
    chosen
}
