//! A file system that is made durable while something else is done.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use camino::Utf8PathBuf;
use rustix::fs;

use super::Dir;
use crate::error::{Error, Result};
use crate::fault;

/// Bytes after which those written before are synced while more are written: as much as a disk takes
/// some time for. The processor time that a sync takes is lost to who writes, so that a short act is
/// the slower for it.
const AHEAD_BYTES: u64 = 512 << 20;
/// A waiting thread needs next to no stack.
const STACK_BYTES: usize = 128 << 10;

/// Who syncs one file system (syncfs) beside an act: from time to time while files are written, and
/// at the end all that is left.
///
/// Files are durable once [`Self::wait`] has returned, and no earlier. An error of any sync is kept:
/// the kernel tells it once, this tells it as often as it is asked.
#[derive(Debug)]
pub(crate) struct Syncer {
    fd: OwnedFd,
    path: Utf8PathBuf,
    unsynced_bytes: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Files may still be written; with a thread, once there was something for it to do.
    Open(Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>),
    /// The last sync is under way.
    Ending(JoinHandle<io::Result<()>>),
    /// All is synced, or the error by its number.
    Ended(Result<(), i32>),
}

impl Syncer {
    /// Makes one for a directory's file system; nothing may have been written there yet.
    ///
    /// Errors of data written since the directory was opened are reported (Linux 5.8 and later,
    /// <https://man7.org/linux/man-pages/man2/syncfs.2.html>).
    pub(crate) fn new(dir: &Dir) -> Result<Self> {
        let fd = dir
            .fd
            .try_clone()
            .map_err(|source| Error::io("open", &*dir.path, source))?;
        Ok(Self {
            fd,
            path: dir.path.clone(),
            unsynced_bytes: AtomicU64::new(0),
            state: Mutex::new(State::Open(None)),
        })
    }

    /// Says that a file was written; syncs what was written so far, in the background, where that is
    /// much and no sync is under way.
    pub(crate) fn wrote(&self, bytes: u64) {
        let unsynced = self.unsynced_bytes.fetch_add(bytes, Ordering::Relaxed);
        if unsynced.saturating_add(bytes) < AHEAD_BYTES {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(worker) = &mut *state {
            if worker.is_none() {
                // The bound of the channel is the sync that waits for the one under way.
                let (asking, asked) = mpsc::sync_channel(1);
                // Without a thread there is one sync, at the end.
                *worker = self
                    .spawn(move |fd| sync_each(&fd, &asked))
                    .map(|thread| (asking, thread));
            }
            if let Some((asking, _)) = worker
                && asking.try_send(()).is_ok()
            {
                self.unsynced_bytes.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Begins the last sync: all is written.
    ///
    /// # Errors
    /// None but those of a test: what cannot be synced is told by [`Self::wait`].
    pub(crate) fn begin_last(&self) -> Result<()> {
        fault::step("syncfs").map_err(|source| self.failed(source))?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = std::mem::replace(&mut *state, State::Open(None));
        *state = match open {
            // Who asks no more has the last sync done.
            State::Open(Some((_, thread))) => State::Ending(thread),
            State::Open(None) => match self.spawn(|fd| Ok(fs::syncfs(fd)?)) {
                Some(thread) => State::Ending(thread),
                None => State::Ended(numbered(fs::syncfs(&self.fd).map_err(io::Error::from))),
            },
            ending @ (State::Ending(_) | State::Ended(_)) => ending,
        };
        Ok(())
    }

    /// Waits until all is durable.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::NoSpace`] where something could not be written, each time.
    pub(crate) fn wait(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match std::mem::replace(&mut *state, State::Open(None)) {
            State::Ended(ended) => ended,
            State::Ending(thread) => joined(thread),
            State::Open(worker) => {
                let before = worker.map_or(Ok(()), |(_, thread)| joined(thread));
                before.and(numbered(fs::syncfs(&self.fd).map_err(io::Error::from)))
            }
        };
        *state = State::Ended(ended);
        ended.map_err(|errno| self.failed(io::Error::from_raw_os_error(errno)))
    }

    fn spawn(
        &self,
        work: impl FnOnce(OwnedFd) -> io::Result<()> + Send + 'static,
    ) -> Option<JoinHandle<io::Result<()>>> {
        let fd = self.fd.try_clone().ok()?;
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn(move || work(fd)).ok()
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::io("sync the file system of", &*self.path, source)
    }
}

/// An act that failed leaves no thread behind.
impl Drop for Syncer {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(state, State::Ended(Ok(()))) {
            // Nobody asks any more what became of it.
            State::Open(Some((_, thread))) | State::Ending(thread) => {
                joined(thread).unwrap_or_default();
            }
            State::Open(None) | State::Ended(_) => {}
        }
    }
}

/// Syncs as often as it is asked to, and once more.
fn sync_each(fd: &OwnedFd, asked: &Receiver<()>) -> io::Result<()> {
    while asked.recv().is_ok() {
        fs::syncfs(fd)?;
    }
    Ok(fs::syncfs(fd)?)
}

fn joined(thread: JoinHandle<io::Result<()>>) -> Result<(), i32> {
    match thread.join() {
        Ok(synced) => numbered(synced),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn numbered(synced: io::Result<()>) -> Result<(), i32> {
    let unknown = rustix::io::Errno::IO.raw_os_error();
    synced.map_err(|error| error.raw_os_error().unwrap_or(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syncer() -> (tempfile::TempDir, Syncer) {
        let held = tempfile::tempdir().expect("a directory");
        let path = camino::Utf8Path::from_path(held.path()).expect("UTF-8");
        let syncer = Syncer::new(&Dir::open(path).expect("opened")).expect("made");
        (held, syncer)
    }

    #[test]
    fn what_little_was_written_is_synced_once_at_the_end() {
        let (_held, syncer) = syncer();
        syncer.wrote(1 << 20);
        let is_idle =
            |syncer: &Syncer| matches!(*syncer.state.lock().expect("locked"), State::Open(None));
        assert!(is_idle(&syncer), "no thread for a short act");
        syncer.begin_last().expect("begun");
        syncer.wait().expect("synced");
        syncer.wait().expect("and again");
    }

    #[test]
    fn much_is_synced_on_the_way() {
        let (_held, syncer) = syncer();
        for _ in 0..3 {
            syncer.wrote(AHEAD_BYTES);
        }
        let state = syncer.state.lock().expect("locked");
        assert!(matches!(*state, State::Open(Some(_))));
        drop(state);
        syncer.begin_last().expect("begun");
        syncer.wait().expect("synced");
    }

    #[test]
    fn an_error_is_told_each_time() {
        let (_held, syncer) = syncer();
        *syncer.state.lock().expect("locked") = State::Ended(Err(28));
        for _ in 0..2 {
            let error = syncer.wait().expect_err("not durable");
            assert!(matches!(error, Error::NoSpace { .. }), "{error}");
        }
    }
}
