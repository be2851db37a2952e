//! The store's writer lock: a kernel lock on a file that is never removed, so it cannot go stale.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};

/// How often a waiting writer asks again.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// Longest file of the kernel that is read, in bytes.
const READ_BYTES_MAX: u64 = 1 << 20;
/// Words of a command line that are shown.
const WORDS_SHOWN: usize = 6;

/// The held lock; dropping it, or the end of the process however it ends, releases it.
#[derive(Debug)]
pub(crate) struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    /// A child that another thread is just starting holds the same open file for a moment; without
    /// this the lock would be free only once that child has closed it.
    fn drop(&mut self) {
        // Closing the file releases the lock as well, only later.
        self.file.unlock().unwrap_or(());
    }
}

impl WriterLock {
    /// Takes the lock `name` in `dir`, waiting for at most `wait`; `store` is for the message.
    pub(crate) fn take(
        dir: &Dir,
        name: &str,
        store: &Utf8Path,
        wait: Duration,
        control: &Control,
    ) -> Result<Self> {
        let file = dir.open_or_create_file(name, 0o600)?;
        fsops::give_to_owner_of(dir, name)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= wait => {
                    return Err(Error::Busy {
                        path: store.to_owned(),
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    control.ensure_not_interrupted()?;
                    sleep(ASK_AGAIN.min(wait.saturating_sub(begun.elapsed())));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io("lock", dir.at(name), source));
                }
            }
        }
    }

    /// Takes the lock `name` in `dir` where it is free at this moment, and writes nothing; `None` where
    /// another process has it.
    pub(crate) fn take_if_free(dir: &Dir, name: &str) -> Result<Option<Self>> {
        let file = dir.open_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", dir.at(name), source)),
        }
    }
}

/// A process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pid: u32,
    /// The beginning of its command line; empty where nobody may know.
    command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command.as_str() {
            "" => write!(f, "{}", self.pid),
            command => write!(f, "{} ({command})", self.pid),
        }
    }
}

/// Returns which process holds a lock of any kind on a file, as far as the kernel tells; it does not
/// on Btrfs, and of a process in another namespace.
pub(crate) fn holder(dir: &Dir, name: &str) -> Option<Holder> {
    let pid: u32 = holding_pid(dir, name)?.parse().ok()?;
    let read = || read_kernel(&format!("{pid}/cmdline"));
    let command = read().unwrap_or_default();
    let words: Vec<_> = command.split('\0').take(WORDS_SHOWN).collect();
    Some(Holder {
        pid,
        command: words.join(" ").trim_end().to_owned(),
    })
}

/// Returns whether any process holds a lock of any kind on a file, as far as the kernel tells.
pub(crate) fn is_held(dir: &Dir, name: &str) -> bool {
    holding_pid(dir, name).is_some()
}

/// Asks the kernel's list, which knows the locks of every kind; the number is -1 or 0 where it is
/// nobody's or that of a process that cannot be seen.
fn holding_pid(dir: &Dir, name: &str) -> Option<String> {
    let stat = dir.stat_at(name).ok()??;
    let (major, minor) = (
        rustix::fs::major(stat.device),
        rustix::fs::minor(stat.device),
    );
    // As proc_locks(5) prints it: `1: FLOCK ADVISORY WRITE 708 00:13:7 0 EOF`, and with `->` before
    // the kind for those who wait.
    let place = format!("{major:02x}:{minor:02x}:{}", stat.inode);
    let locks = read_kernel("locks")?;
    let mut lines = locks.lines().map(|line| line.split_whitespace());
    lines.find_map(|mut words| {
        let mut before = "";
        let mut is_waiting = false;
        words.find_map(|word| {
            is_waiting |= word == "->";
            let is_place = word == place && !is_waiting;
            let pid = before.to_owned();
            before = word;
            is_place.then_some(pid)
        })
    })
}

/// Reads the beginning of a file below /proc.
fn read_kernel(below: &str) -> Option<String> {
    let proc = Dir::open(Utf8Path::new("/proc")).ok()?;
    let mut bytes = Vec::new();
    let file = proc.open_file(below).ok()?;
    file.take(READ_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
