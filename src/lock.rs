//! The store's writer lock: a kernel lock on a file that is never removed, so it cannot go stale.

use std::fs::{File, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};

/// How often a waiting writer asks again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

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
}
