//! A walk by several threads at once, in no order.

use std::ffi::OsStr;
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Pending, under};
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};

/// Directories that a thread found and has not given to the others yet.
const FOUND_HELD: usize = 256;

/// Visits the root, as `base`, and everything below it, with a visitor for each thread; returns the
/// visitors. `None` where the tree holds what is neither file nor directory, a name that is not UTF-8 or
/// another mount, or where a directory vanishes meanwhile: it is not plain then, or not at rest.
pub(crate) fn walk_spread<V: Send>(
    root: &Dir,
    base: &str,
    threads: usize,
    make: &dyn Fn() -> V,
    visit: &(dyn Fn(&mut V, &str, &Stat) + Sync),
) -> Result<Option<Vec<V>>> {
    let stat = root.stat()?;
    let mut first = make();
    visit(&mut first, base, &stat);
    let pending = Pending::new()?;
    pending.push("")?;
    let walk = Walk {
        root,
        root_stat: stat,
        base,
        visit,
        state: Mutex::new(State {
            pending,
            listing: 0,
            end: None,
        }),
        changed: Condvar::new(),
    };
    let visitors = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            // Where there is no thread to be had, the others do its work.
            .filter_map(|_| {
                let visitor = make();
                let work = || walk.work(visitor);
                thread::Builder::new().spawn_scoped(scope, work).ok()
            })
            .collect();
        let mut visitors = vec![walk.work(first)];
        for other in others {
            visitors.push(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        visitors
    });
    match walk.lock().end.take() {
        None => Ok(Some(visitors)),
        Some(End::NotPlain) => Ok(None),
        Some(End::Failed(error)) => Err(error),
    }
}

/// Why a walk ended before it had come to everything.
enum End {
    NotPlain,
    Failed(Error),
}

struct State {
    pending: Pending,
    /// Directories that are being listed.
    listing: usize,
    end: Option<End>,
}

struct Walk<'a, V> {
    root: &'a Dir,
    root_stat: Stat,
    base: &'a str,
    visit: &'a (dyn Fn(&mut V, &str, &Stat) + Sync),
    state: Mutex<State>,
    /// Something is pending again, or nothing will be.
    changed: Condvar,
}

/// One directory being listed; others wait for what it holds until this is dropped.
struct Listing<'w, 'a, V>(&'w Walk<'a, V>);

impl<V> Drop for Listing<'_, '_, V> {
    fn drop(&mut self) {
        self.0.lock().listing -= 1;
        self.0.changed.notify_all();
    }
}

impl<V> Walk<'_, V> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists one directory after the other until there is none left.
    fn work(&self, mut visitor: V) -> V {
        while let Some(below) = self.next() {
            let _listing = Listing(self);
            let end = match self.list(&below, &mut visitor) {
                Ok(true) => continue,
                Ok(false) => End::NotPlain,
                Err(error) => End::Failed(error),
            };
            self.lock().end.get_or_insert(end);
        }
        visitor
    }

    fn next(&self) -> Option<String> {
        let mut state = self.lock();
        while state.end.is_none() {
            match state.pending.pop() {
                Ok(Some(below)) => {
                    state.listing += 1;
                    return Some(below);
                }
                Ok(None) if state.listing == 0 => return None,
                Ok(None) => {
                    let waited = self.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Err(error) => state.end = Some(End::Failed(error)),
            }
        }
        None
    }

    /// Visits what a directory holds; returns whether all of it is plain.
    fn list(&self, below: &str, visitor: &mut V) -> Result<bool> {
        let dir = match self.root.open_dir(below) {
            Err(error) if error.is_absent() => return Ok(false),
            opened => opened?,
        };
        let mut found = Vec::new();
        let mut is_plain = true;
        dir.each_name(&mut |name| {
            if is_plain {
                is_plain = self.come_to(&dir, below, name, visitor, &mut found)?;
            }
            if found.len() >= FOUND_HELD {
                self.give(&mut found)?;
            }
            Ok(())
        })?;
        self.give(&mut found)?;
        Ok(is_plain)
    }

    fn come_to(
        &self,
        dir: &Dir,
        below: &str,
        name: &OsStr,
        visitor: &mut V,
        found: &mut Vec<String>,
    ) -> Result<bool> {
        let Some(stat) = dir.stat_name(name)? else {
            return Ok(true);
        };
        let Some(name) = name.to_str() else {
            return Ok(false);
        };
        if !stat.is_on_same_mount(&self.root_stat) {
            return Ok(false);
        }
        let below = under(below, name);
        (self.visit)(visitor, &under(self.base, &below), &stat);
        match stat.kind {
            FileKind::File => Ok(true),
            FileKind::Directory => {
                found.push(below);
                Ok(true)
            }
            FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => Ok(false),
        }
    }

    /// Gives directories to whoever is free.
    fn give(&self, found: &mut Vec<String>) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let state = self.lock();
        for below in found.drain(..) {
            state.pending.push(&below)?;
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees that they walk"
)]
mod tests {
    use camino::Utf8Path;

    use super::super::{Descend, walk_from};
    use super::*;
    use crate::entry_path::EntryPath;

    fn walked(path: &std::path::Path, threads: usize) -> Option<Vec<(String, Stat)>> {
        let root = Dir::open(Utf8Path::from_path(path).expect("UTF-8")).expect("opened");
        let visitors = walk_spread(&root, "x/y", threads, &Vec::new, &|all, path, stat| {
            all.push((path.to_owned(), *stat));
        });
        let mut all: Vec<_> = visitors.expect("walked")?.into_iter().flatten().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Some(all)
    }

    #[test]
    fn any_number_of_threads_come_to_what_one_comes_to() {
        let held = tempfile::tempdir().expect("a directory");
        for directory in 0..40 {
            let dir = held.path().join(format!("{}/{directory}", directory % 7));
            std::fs::create_dir_all(&dir).expect("made");
            for file in 0..directory {
                std::fs::write(dir.join(file.to_string()), "").expect("written");
            }
        }
        for directory in 0..2 * FOUND_HELD {
            std::fs::create_dir(held.path().join(format!("wide{directory}"))).expect("made");
        }
        let root = Dir::open(Utf8Path::from_path(held.path()).expect("UTF-8")).expect("opened");
        let mut expected = Vec::new();
        let base = EntryPath::parse("x/y").expect("a path");
        let mut visit = |found: &super::super::Found<'_>| {
            expected.push((found.path.to_string(), *found.stat));
            Ok(Descend::Below)
        };
        walk_from(&root, &base, &mut visit, &mut Err).expect("walked");
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(expected.len() > 1_000);
        for threads in [1, 2, 5] {
            assert_eq!(walked(held.path(), threads).as_ref(), Some(&expected));
        }
    }

    #[test]
    fn what_is_not_plain_ends_the_walk_of_all_threads() {
        let held = tempfile::tempdir().expect("a directory");
        for directory in 0..20 {
            std::fs::create_dir_all(held.path().join(format!("{directory}/a"))).expect("made");
        }
        assert!(walked(held.path(), 3).is_some());
        std::os::unix::fs::symlink("/", held.path().join("7/a/link")).expect("linked");
        assert_eq!(walked(held.path(), 3), None);
        assert_eq!(walked(held.path(), 1), None);
    }
}
