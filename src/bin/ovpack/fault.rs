//! Faults on demand, for tests of the built program: `OVPACK_FAULT` arms the library's steps.
//!
//! `count` counts them, `kill:17` kills the process just before step 17, `fail:5:17` lets step 17
//! fail with errno 5, and `failon:28:17` lets that step and all later ones that need space fail.

use ovpack::fault::{FaultPlan, Outcome, arm, disarm};

use crate::ui::Ui;

/// Arms what the environment asks for; returns whether the steps are to be counted.
pub(crate) fn arm_from_environment() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "only a test sets it, and only test builds read it"
    )]
    let Ok(text) = std::env::var("OVPACK_FAULT") else {
        return false;
    };
    let Some(plan) = plan(&text) else {
        panic!("OVPACK_FAULT is `{text}`, which arms nothing: the test would prove nothing");
    };
    let counts = plan.outcome == Outcome::Count;
    arm(plan);
    counts
}

/// Says how many steps were counted.
pub(crate) fn report(ui: &Ui) {
    ui.fault_steps(disarm().len());
}

fn plan(text: &str) -> Option<FaultPlan> {
    let words: Vec<_> = text.split(':').collect();
    let (at, outcome) = match words.as_slice() {
        ["count"] => (0, Outcome::Count),
        ["kill", at] => (at.parse().ok()?, Outcome::Kill),
        ["fail", errno, at] => (at.parse().ok()?, Outcome::Fail(errno.parse().ok()?)),
        ["failon", errno, at] => (at.parse().ok()?, Outcome::FailOn(errno.parse().ok()?)),
        _ => return None,
    };
    Some(FaultPlan { at, outcome })
}
