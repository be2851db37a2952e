//! Faults on demand: counts the steps that change something, and fails or kills at one of them.
//!
//! Each call of `fsops` and `db` that changes a file or a database asks `step` first. Without the
//! feature `fault` that is nothing. With it, a test arms a [`FaultPlan`] for its own thread, once to
//! count the steps of an act and then once for each of them. Threads that work for an act take its
//! plan over ([`Inheritance`]): their steps count with those of the thread that began it, so that the
//! number of a phase's steps, and of all steps before and after it, does not depend on how many they are.

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

/// What a thread hands on to those that work for it.
#[cfg(not(feature = "fault"))]
#[derive(Clone, Debug)]
pub(crate) struct Inheritance;

#[cfg(not(feature = "fault"))]
impl Inheritance {
    /// Takes what this thread has.
    pub(crate) const fn of_this_thread() -> Self {
        Self
    }

    /// Gives it to this thread.
    pub(crate) const fn take_over(&self) {}
}

#[cfg(feature = "fault")]
pub use armed::{FaultPlan, Outcome, arm, disarm, without_openat2};
#[cfg(feature = "fault")]
pub(crate) use armed::{Inheritance, lacks_openat2};

/// Asks whether the step may be done.
#[cfg(feature = "fault")]
pub(crate) fn step(name: &'static str) -> io::Result<()> {
    armed::step(name)
}

#[cfg(feature = "fault")]
mod armed {
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

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
        static ARMED: RefCell<Option<Arc<Mutex<Armed>>>> = const { RefCell::new(None) };
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

    /// Arms a plan for this thread.
    pub fn arm(plan: FaultPlan) {
        let armed = Armed {
            plan,
            steps: Vec::new(),
        };
        ARMED.set(Some(Arc::new(Mutex::new(armed))));
    }

    /// Disarms this thread; returns the names of the steps that were asked.
    pub fn disarm() -> Vec<&'static str> {
        let Some(armed) = ARMED.take() else {
            return Vec::new();
        };
        let mut armed = armed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut armed.steps)
    }

    /// What a thread hands on to those that work for it.
    #[derive(Clone, Debug)]
    pub(crate) struct Inheritance {
        armed: Option<Arc<Mutex<Armed>>>,
        lacks_openat2: bool,
    }

    impl Inheritance {
        /// Takes what this thread has.
        pub(crate) fn of_this_thread() -> Self {
            Self {
                armed: ARMED.with_borrow(Clone::clone),
                lacks_openat2: LACKS_OPENAT2.get(),
            }
        }

        /// Gives it to this thread.
        pub(crate) fn take_over(&self) {
            ARMED.set(self.armed.clone());
            LACKS_OPENAT2.set(self.lacks_openat2);
        }
    }

    pub(super) fn step(name: &'static str) -> io::Result<()> {
        ARMED.with_borrow(|armed| {
            let Some(armed) = armed else { return Ok(()) };
            let mut armed = armed.lock().unwrap_or_else(PoisonError::into_inner);
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
