//! The directories of new trees, made by one thread while others fill those that are there.
//!
//! ```text
//! acting thread: rows -> paths ====> the maker: a directory after the other, by path
//!                                       |  how far it is
//!                                       v
//!                         workers: wait for the directory of their files
//! ```
//!
//! Directories are made in the order of their paths, so that the last one that was made says of each
//! other whether it is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use camino::Utf8Path;

use super::or_unholdable;
use crate::error::{Error, Result};
use crate::fault::Inheritance;
use crate::jobs::Jobs;
use crate::slot::{SlotTree, SlotWriter};
use crate::staging::Staging;

/// Paths that are handed over at a time.
const BATCH: usize = 256;
/// Batches that wait to be made.
const WAITING: usize = 32;
/// The maker's stack: no recursion, and no buffers.
const STACK_BYTES: usize = 256 << 10;

/// How far the making of directories is.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// All are there: nobody looks any further then.
    is_all: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The last one that was made.
    last: Option<String>,
    /// There will be no more of them.
    is_over: bool,
}

impl Made {
    /// Says that all directories are there.
    pub(super) fn all() -> Self {
        let made = Self::default();
        made.is_all.store(true, Ordering::Release);
        made
    }

    /// Waits until a directory is there.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where it never will be; who makes them knows why.
    pub(super) fn wait_for(&self, path: &str) -> Result<()> {
        if self.is_all.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.last.as_deref().is_none_or(|last| last < path) {
            if state.is_over {
                return if self.is_all.load(Ordering::Acquire) {
                    Ok(())
                } else {
                    Err(Error::Interrupted)
                };
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    fn set_last(&self, path: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.last.get_or_insert_default();
        last.clear();
        last.push_str(path);
        drop(state);
        self.changed.notify_all();
    }

    fn is_over(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over
    }

    /// Nobody makes any more, or is to make any more.
    fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        drop(state);
        self.changed.notify_all();
    }
}

/// Ends the making when it is dropped, by a panic too.
struct EndWhenDropped<'m>(&'m Made);

impl Drop for EndWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Makes the staged directories in their slots while `fill` fills them, or before where that is too
/// little to do; `pack` is for the message.
pub(crate) fn make_while(
    pack: &Utf8Path,
    staging: &Staging,
    slots: &[SlotTree],
    jobs: Jobs,
    fill: impl FnOnce(&Made) -> Result<()>,
) -> Result<()> {
    if jobs.get() == 1 {
        make_all(pack, staging, slots)?;
        return fill(&Made::all());
    }
    let made = Made::default();
    let (give, given) = mpsc::sync_channel(WAITING);
    let inheritance = Inheritance::of_this_thread();
    thread::scope(|scope| {
        let (made, inheritance) = (&made, &inheritance);
        let work = move || {
            inheritance.take_over();
            make_each(pack, slots, &given, made)
        };
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let Ok(maker) = thread.spawn_scoped(scope, work) else {
            make_all(pack, staging, slots)?;
            return fill(&Made::all());
        };
        let given = give_all(staging, &give);
        drop(give);
        let filled = given.and_then(|()| fill(made));
        if filled.is_err() {
            made.end();
        }
        let ended = maker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Whoever waited for a directory in vain knows no reason.
        ended.and(filled)
    })
}

/// Makes the staged directories in their slots; `pack` is for the message.
pub(crate) fn make_all(pack: &Utf8Path, staging: &Staging, slots: &[SlotTree]) -> Result<()> {
    let mut writer = SlotWriter::new(slots);
    staging.for_each_staged_directory(&mut |path| make(pack, &mut writer, path))
}

fn make(pack: &Utf8Path, writer: &mut SlotWriter<'_>, path: &str) -> Result<()> {
    writer
        .create_dir(path)
        .map_err(|error| or_unholdable(error, pack, path))
}

fn give_all(staging: &Staging, give: &SyncSender<Vec<String>>) -> Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    // Who takes nothing any more has failed, and says why.
    let send = |batch| give.send(batch).map_err(|_| Error::Interrupted);
    staging.for_each_staged_directory(&mut |path| {
        batch.push(path.to_owned());
        if batch.len() < BATCH {
            return Ok(());
        }
        send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))
    })?;
    send(batch)
}

/// The maker. It stops where nobody fills any more.
fn make_each(
    pack: &Utf8Path,
    slots: &[SlotTree],
    given: &Receiver<Vec<String>>,
    made: &Made,
) -> Result<()> {
    let _end = EndWhenDropped(made);
    let mut writer = SlotWriter::new(slots);
    for path in given.iter().flatten() {
        if made.is_over() {
            return Ok(());
        }
        make(pack, &mut writer, &path)?;
        made.set_last(&path);
    }
    made.is_all.store(true, Ordering::Release);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::entry_path::EntryKind;
    use crate::fsops::Dir;
    use crate::id::SlotId;
    use crate::layout::Layout;
    use crate::slot::Ownership;
    use crate::staging::StagedRow;

    struct Fixture {
        held: tempfile::TempDir,
        staging: Staging,
        slots: Vec<SlotTree>,
    }

    /// Directories to be made in a slot for all of the live root.
    fn fixture(paths: &[&str]) -> Fixture {
        let held = tempfile::tempdir().expect("a directory");
        let root = Dir::open(Utf8Path::from_path(held.path()).expect("UTF-8")).expect("opened");
        let ownership = Ownership::from(&root.stat().expect("asked"));
        let layout = Layout::create(root, false).expect("made");
        let staging = Staging::make(None).expect("made");
        for path in paths {
            let row = StagedRow {
                path: (*path).to_owned(),
                kind: EntryKind::Directory,
                mode: ownership.mode,
                bytes: 0,
                sha256: None,
            };
            staging.stage(&row).expect("staged");
        }
        let slot = SlotTree::make(&layout, SlotId(1), "", ownership).expect("made");
        Fixture {
            held,
            staging,
            slots: vec![slot],
        }
    }

    impl Fixture {
        fn make_while(&self, jobs: usize, fill: impl FnOnce(&Made) -> Result<()>) -> Result<()> {
            let jobs = Jobs::new(NonZeroUsize::new(jobs).expect("some"));
            make_while("x.ovpack".into(), &self.staging, &self.slots, jobs, fill)
        }

        fn tree(&self) -> std::path::PathBuf {
            self.held.path().join(".ovpack/slots/1/tree")
        }

        fn has_all(&self, paths: &[&str]) -> bool {
            let tree = self.tree();
            paths.iter().all(|path| tree.join(path).is_dir())
        }
    }

    #[test]
    fn each_directory_is_there_for_who_waited_for_it_and_in_the_end_all_are() {
        // More than are handed over at a time, and names that sort around the slash.
        let numbered: Vec<_> = (0..3 * BATCH).map(|at| format!("n/{at:04}")).collect();
        let names = ["", "a", "a!", "a/b", "a/b/c", "a0", "n", "z"];
        let paths: Vec<_> = names
            .into_iter()
            .chain(numbered.iter().map(String::as_str))
            .collect();
        for jobs in [1, 2, 8] {
            let waited = fixture(&paths);
            let tree = &waited.tree();
            let wait = |made: &Made, path: &str| {
                made.wait_for(path)?;
                assert!(tree.join(path).is_dir(), "{path}");
                Ok(())
            };
            let filled = waited.make_while(jobs, |made| {
                thread::scope(|scope| {
                    let waiting =
                        ["z", "a/b/c", "n/0500"].map(|path| scope.spawn(move || wait(made, path)));
                    waiting
                        .into_iter()
                        .try_for_each(|waiting| waiting.join().expect("no panic"))
                })
            });
            filled.expect("made");
            assert!(waited.has_all(&paths), "{jobs}");
            let unwaited = fixture(&paths);
            unwaited.make_while(jobs, |_| Ok(())).expect("made");
            assert!(unwaited.has_all(&paths), "{jobs}");
        }
    }

    #[test]
    fn who_waits_in_vain_is_told_and_the_reason_is_why_it_was_not_made() {
        let unholdable = "m".repeat(256);
        for jobs in [1, 2] {
            let fixture = fixture(&["", "a", &unholdable, "z"]);
            let mut waited = None;
            let made = fixture.make_while(jobs, |made| {
                let waits = made.wait_for("z");
                waited = Some(waits.is_err());
                waits
            });
            let error = made.expect_err("a name too long");
            assert_eq!(error.code(), "name-unholdable", "{error}");
            // With one job nobody begins to fill what cannot be made.
            assert_eq!(waited, (jobs > 1).then_some(true));
        }
    }

    #[test]
    fn who_cannot_fill_ends_the_making_and_says_why() {
        let paths: Vec<_> = (0..50 * BATCH).map(|at| format!("{at:06}")).collect();
        let paths: Vec<_> = [""]
            .into_iter()
            .chain(paths.iter().map(String::as_str))
            .collect();
        let fixture = fixture(&paths);
        let filled = fixture.make_while(2, |_| {
            Err(Error::FileChanging {
                path: "reason".into(),
            })
        });
        assert!(
            matches!(filled, Err(Error::FileChanging { .. })),
            "{filled:?}"
        );
    }
}
