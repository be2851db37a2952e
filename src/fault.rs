//! Faults on demand: counts the steps that change something, and fails or kills at one of them.
//!
//! Each call of `fsops` and `db` that changes a file or a database asks `step` first. Without the
//! feature `fault` that is nothing. With it, a test arms a [`FaultPlan`] for its own thread, once to
//! count the steps of an act and then once for each of them.

use std::io;

/// Asks whether the step may be done.
#[cfg(not(feature = "fault"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature as with the feature"
)]
pub(crate) const fn step(_name: &'static str) -> io::Result<()> {
    Ok(())
}

/// Returns whether the kernel is to be taken for one without `openat2`.
#[cfg(not(feature = "fault"))]
pub(crate) const fn lacks_openat2() -> bool {
    false
}

/// Takes over, in a thread of an act, what the acting thread takes the kernel for.
#[cfg(not(feature = "fault"))]
pub(crate) const fn inherit(_lacks_openat2: bool) {}

#[cfg(feature = "fault")]
pub use armed::{FaultPlan, Outcome, arm, disarm, without_openat2};
#[cfg(feature = "fault")]
pub(crate) use armed::{inherit, lacks_openat2};

/// Asks whether the step may be done.
#[cfg(feature = "fault")]
pub(crate) fn step(name: &'static str) -> io::Result<()> {
    armed::step(name)
}

#[cfg(feature = "fault")]
mod armed {
    use std::cell::{Cell, RefCell};
    use std::io;

    /// What happens at the chosen step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Outcome {
        /// Nothing: the steps are only counted.
        Count,
        /// The step fails once with this `errno`.
        Fail(i32),
        /// The step and all after it that need space fail with this `errno`; removals still succeed.
        FailOn(i32),
        /// The process is killed just before the step.
        Kill,
    }

    /// Which step, counted from 1, meets which outcome.
    #[derive(Clone, Debug)]
    pub struct FaultPlan {
        /// The step; 0 for none.
        pub at: u64,
        /// What happens there.
        pub outcome: Outcome,
    }

    #[derive(Debug)]
    struct Armed {
        plan: FaultPlan,
        steps: Vec<&'static str>,
    }

    thread_local! {
        static ARMED: RefCell<Option<Armed>> = const { RefCell::new(None) };
        static LACKS_OPENAT2: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs an act in this thread as on a kernel without `openat2`.
    pub fn without_openat2<T>(act: impl FnOnce() -> T) -> T {
        LACKS_OPENAT2.set(true);
        let done = act();
        LACKS_OPENAT2.set(false);
        done
    }

    pub(crate) fn lacks_openat2() -> bool {
        LACKS_OPENAT2.get()
    }

    pub(crate) fn inherit(lacks_openat2: bool) {
        LACKS_OPENAT2.set(lacks_openat2);
    }

    /// Arms a plan for this thread.
    pub fn arm(plan: FaultPlan) {
        ARMED.with_borrow_mut(|armed| {
            *armed = Some(Armed {
                plan,
                steps: Vec::new(),
            });
        });
    }

    /// Disarms this thread; returns the names of the steps that were asked.
    pub fn disarm() -> Vec<&'static str> {
        ARMED.with_borrow_mut(|armed| armed.take().map(|armed| armed.steps).unwrap_or_default())
    }

    pub(super) fn step(name: &'static str) -> io::Result<()> {
        ARMED.with_borrow_mut(|armed| {
            let Some(armed) = armed else { return Ok(()) };
            armed.steps.push(name);
            let count = armed.steps.len() as u64;
            let frees = matches!(name, "unlink" | "rmdir");
            match armed.plan.outcome {
                Outcome::Fail(errno) if count == armed.plan.at => {
                    Err(io::Error::from_raw_os_error(errno))
                }
                Outcome::FailOn(errno) if armed.plan.at > 0 && count >= armed.plan.at && !frees => {
                    Err(io::Error::from_raw_os_error(errno))
                }
                Outcome::Kill if count == armed.plan.at => {
                    let killed = rustix::process::kill_process(
                        rustix::process::getpid(),
                        rustix::process::Signal::KILL,
                    );
                    killed.map_err(io::Error::from)
                }
                Outcome::Count | Outcome::Fail(_) | Outcome::FailOn(_) | Outcome::Kill => Ok(()),
            }
        })
    }
}
