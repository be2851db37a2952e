//! Packs that a server receives and hands out: `.ovpack/uploads/`.
//!
//! What is received waits under an id that nobody can guess, for one use by whom it belongs to, and
//! not for ever. What is handed out has a name only until it is opened. One server at a time has the
//! area: it holds the area's lock, and removes what an earlier one left when it begins. So nothing in
//! it has to be durable, and nothing outlives the next start.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use crate::control::Control;
use crate::error::{Error, Result, UploadFault};
use crate::fsops::{self, Dir, PRIVATE_MODE};
use crate::id::unguessable;
use crate::layout::{self, Layout};
use crate::lock::WriterLock;

/// Most uploads that wait at once, however small; each costs a file and some memory.
const WAITING_MAX: usize = 1_000;

/// Bounds on what a server keeps for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadOptions {
    /// Most bytes of one upload.
    pub file_bytes: u64,
    /// Most bytes of all uploads that are received or wait for their use.
    pub waiting_bytes: u64,
    /// How long an upload waits for its use.
    pub expiry: Duration,
}

impl Default for UploadOptions {
    /// 16 GiB for one, 64 GiB for all, 15 minutes.
    fn default() -> Self {
        Self {
            file_bytes: 16 << 30,
            waiting_bytes: 64 << 30,
            expiry: Duration::from_mins(15),
        }
    }
}

/// The area of one server. Dropping it, and all that came of it, lets another server have it.
#[derive(Clone, Debug)]
pub struct Uploads {
    area: Arc<Area>,
}

#[derive(Debug)]
struct Area {
    dir: Dir,
    options: UploadOptions,
    waiting: Mutex<Waiting>,
    _lock: WriterLock,
}

#[derive(Debug, Default)]
struct Waiting {
    received: BTreeMap<String, Received>,
    /// Bytes of all files in the area, also of those that are still received or in use.
    bytes: u64,
}

#[derive(Debug)]
struct Received {
    owner: String,
    file_name: String,
    bytes: u64,
    since: Instant,
}

impl Uploads {
    /// Takes the area of a store, and removes what is left there of an earlier server.
    ///
    /// # Errors
    /// [`Error::Busy`] where another server has it.
    pub(crate) fn open(layout: &Layout, options: UploadOptions) -> Result<Self> {
        let control = layout.control();
        if control.stat_at(layout::UPLOADS)?.is_none() {
            control.create_dir(layout::UPLOADS, PRIVATE_MODE)?;
            control.open_dir(layout::UPLOADS)?.set_mode(PRIVATE_MODE)?;
            fsops::give_to_owner_of(control, layout::UPLOADS)?;
        }
        let dir = control.open_dir(layout::UPLOADS)?;
        let lock = WriterLock::take(
            &dir,
            layout::LOCK,
            dir.path(),
            Duration::ZERO,
            &Control::default(),
        )?;
        for name in dir.names()? {
            if let Some(name) = name.to_str().filter(|name| *name != layout::LOCK) {
                dir.remove_tree(name)?;
            }
        }
        let area = Area {
            dir,
            options,
            waiting: Mutex::default(),
            _lock: lock,
        };
        Ok(Self {
            area: Arc::new(area),
        })
    }

    /// Begins to receive a pack that only `owner` may use; `file_name` is what its sender calls it.
    ///
    /// # Errors
    /// [`UploadFault::TooMany`]; those of making a file.
    pub fn receive(&self, owner: &str, file_name: &str) -> Result<Upload> {
        self.expire();
        if self.area.waiting().received.len() >= WAITING_MAX {
            return Err(Error::Upload(UploadFault::TooMany {
                limit_uploads: WAITING_MAX as u64,
            }));
        }
        let id = format!("upload_{}.ovpack", unguessable());
        let file = self.area.dir.create_file(&id, 0o600)?;
        let received = Received {
            owner: owner.to_owned(),
            file_name: file_name.to_owned(),
            bytes: 0,
            since: Instant::now(),
        };
        Ok(Upload {
            area: Arc::clone(&self.area),
            id,
            file,
            received: Some(received),
        })
    }

    /// Gives a received pack to its owner, for this one use.
    ///
    /// # Errors
    /// [`UploadFault::NotFound`] where none waits for this owner under the id.
    pub fn take(&self, id: &str, owner: &str) -> Result<TakenUpload> {
        self.expire();
        let mut waiting = self.area.waiting();
        let is_theirs = |received: &Received| received.owner == owner;
        let found = if waiting.received.get(id).is_some_and(is_theirs) {
            waiting.received.remove(id)
        } else {
            None
        };
        drop(waiting);
        let received =
            found.ok_or_else(|| Error::Upload(UploadFault::NotFound { id: id.to_owned() }))?;
        Ok(TakenUpload {
            path: self.area.dir.at(id),
            file: AreaFile {
                area: Arc::clone(&self.area),
                name: id.to_owned(),
                bytes: received.bytes,
            },
            file_name: received.file_name,
        })
    }

    /// Removes the uploads that have waited for too long. Receiving and taking do so too.
    pub fn expire(&self) {
        let mut waiting = self.area.waiting();
        let expiry = self.area.options.expiry;
        let expired = waiting
            .received
            .extract_if(.., |_, received| received.since.elapsed() >= expiry);
        let gone: Vec<_> = expired
            .map(|(name, received)| AreaFile {
                area: Arc::clone(&self.area),
                name,
                bytes: received.bytes,
            })
            .collect();
        drop(waiting);
        drop(gone);
    }

    /// Returns how many uploads wait for their use.
    pub fn waiting(&self) -> usize {
        self.area.waiting().received.len()
    }

    /// Returns the bytes of all uploads: of those that are received, that wait, and that are in use.
    pub fn bytes(&self) -> u64 {
        self.area.waiting().bytes
    }

    /// Names a place for a pack that is handed out.
    pub fn outgoing(&self) -> Outgoing {
        let name = layout::outgoing(&unguessable());
        Outgoing {
            path: self.area.dir.at(&name),
            file: AreaFile {
                area: Arc::clone(&self.area),
                name,
                bytes: 0,
            },
        }
    }
}

impl Area {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A panic elsewhere leaves no half of a change: each is one statement.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self) -> Error {
        Error::Upload(UploadFault::Full {
            limit_bytes: self.options.waiting_bytes,
        })
    }

    /// Counts so many bytes more, or refuses them.
    fn add(&self, bytes: u64) -> Result<()> {
        let mut waiting = self.waiting();
        let all = waiting.bytes.saturating_add(bytes);
        if all > self.options.waiting_bytes {
            return Err(self.full());
        }
        waiting.bytes = all;
        Ok(())
    }
}

/// A file of the area that is removed when nobody needs it any more. One that cannot be removed is
/// left for the next start.
#[derive(Debug)]
struct AreaFile {
    area: Arc<Area>,
    name: String,
    bytes: u64,
}

impl Drop for AreaFile {
    fn drop(&mut self) {
        let dir = &self.area.dir;
        if matches!(dir.stat_at(&self.name), Ok(Some(_))) {
            dir.remove_file(&self.name).unwrap_or(());
        }
        let mut waiting = self.area.waiting();
        waiting.bytes = waiting.bytes.saturating_sub(self.bytes);
    }
}

/// A pack that is being received. Dropping it before its end removes it.
#[derive(Debug)]
pub struct Upload {
    area: Arc<Area>,
    id: String,
    file: File,
    /// `None` once it waits for its use.
    received: Option<Received>,
}

impl Upload {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`UploadFault::TooLarge`], [`UploadFault::Full`], [`Error::NoSpace`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(received) = self.received.as_mut() else {
            return Ok(());
        };
        let more = bytes.len() as u64;
        let all = received.bytes.saturating_add(more);
        let limit_bytes = self.area.options.file_bytes;
        if all > limit_bytes {
            return Err(Error::Upload(UploadFault::TooLarge { limit_bytes }));
        }
        self.area.add(more)?;
        received.bytes = all;
        fsops::write_all(&mut self.file, bytes, &self.area.dir.at(&self.id))
    }

    /// Ends it: from now on it waits for its use, under the id that is returned.
    pub fn finish(mut self) -> String {
        if let Some(received) = self.received.take() {
            let received = Received {
                since: Instant::now(),
                ..received
            };
            let mut waiting = self.area.waiting();
            waiting.received.insert(self.id.clone(), received);
        }
        std::mem::take(&mut self.id)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(received) = self.received.take() {
            drop(AreaFile {
                area: Arc::clone(&self.area),
                name: self.id.clone(),
                bytes: received.bytes,
            });
        }
    }
}

/// A received pack in its one use. Dropping it removes it.
#[derive(Debug)]
pub struct TakenUpload {
    path: Utf8PathBuf,
    file_name: String,
    file: AreaFile,
}

impl TakenUpload {
    /// Returns where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Returns what its sender calls it; any text.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Returns its size in bytes.
    pub const fn bytes(&self) -> u64 {
        self.file.bytes
    }
}

/// A place for a pack that is handed out. Dropping it removes what is there.
#[derive(Debug)]
pub struct Outgoing {
    path: Utf8PathBuf,
    file: AreaFile,
}

impl Outgoing {
    /// Returns where the pack is to be written.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Opens what was written and takes its name away: it is gone when it is closed.
    ///
    /// # Errors
    /// Those of opening a file.
    pub fn open(self) -> Result<File> {
        self.file.area.dir.open_file(&self.file.name)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::store::{OpenOptions, Store};

    fn store(directory: &tempfile::TempDir) -> Store {
        let path = Utf8Path::from_path(directory.path()).expect("UTF-8");
        Store::init(&path.join("store"), &OpenOptions::default()).expect("made")
    }

    fn options() -> UploadOptions {
        UploadOptions {
            file_bytes: 10,
            waiting_bytes: 15,
            expiry: Duration::from_mins(1),
        }
    }

    fn files(store: &Store) -> Vec<String> {
        let all = std::fs::read_dir(store.path().join(".ovpack/uploads")).expect("it is there");
        let names = all.map(|entry| entry.expect("read").file_name().into_string());
        names
            .map(|name| name.expect("UTF-8"))
            .filter(|name| name != "lock")
            .collect()
    }

    fn fault<T: std::fmt::Debug>(result: Result<T>) -> UploadFault {
        let error = result.expect_err("refused");
        let Error::Upload(fault) = error else {
            panic!("{error}");
        };
        fault
    }

    #[test]
    fn an_upload_is_used_once_and_by_its_owner_alone() {
        let directory = tempfile::tempdir().expect("made");
        let store = store(&directory);
        let uploads = store.uploads(options()).expect("free");
        let mut upload = uploads.receive("ann", "demo.ovpack").expect("room");
        upload.write(b"bytes").expect("room");
        let id = upload.finish();
        assert!(id.starts_with("upload_") && id.len() == "upload_.ovpack".len() + 32);

        let not_found = UploadFault::NotFound { id: id.clone() };
        assert_eq!(fault(uploads.take(&id, "bob")), not_found);
        for other in ["", "../lock", "lock", "upload_.ovpack"] {
            assert!(uploads.take(other, "ann").is_err(), "{other}");
        }
        let taken = uploads.take(&id, "ann").expect("hers");
        assert_eq!((taken.file_name(), taken.bytes()), ("demo.ovpack", 5));
        assert_eq!(std::fs::read(taken.path()).expect("there"), b"bytes");
        assert_eq!(fault(uploads.take(&id, "ann")), not_found);
        drop(taken);
        assert_eq!(
            (files(&store), uploads.waiting(), uploads.bytes()),
            (vec![], 0, 0)
        );
    }

    #[test]
    fn what_is_too_large_or_expired_or_given_up_is_removed() {
        let directory = tempfile::tempdir().expect("made");
        let store = store(&directory);
        let uploads = store.uploads(options()).expect("free");
        let mut upload = uploads.receive("", "").expect("room");
        upload.write(b"0123456789").expect("room");
        assert_eq!(
            fault(upload.write(b"x")),
            UploadFault::TooLarge { limit_bytes: 10 }
        );
        let mut second = uploads.receive("", "").expect("room");
        assert_eq!(
            fault(second.write(b"012345")),
            UploadFault::Full { limit_bytes: 15 }
        );
        drop(upload);
        second.write(b"012345").expect("room again");
        let many: Vec<_> = (0..WAITING_MAX)
            .map(|_| uploads.receive("", "").expect("room").finish())
            .collect();
        let limit_uploads = WAITING_MAX as u64;
        assert_eq!(
            fault(uploads.receive("", "").map(drop)),
            UploadFault::TooMany { limit_uploads }
        );
        for id in &many {
            drop(uploads.take(id, "").expect("there"));
        }
        drop(second);
        assert_eq!((files(&store), uploads.bytes()), (vec![], 0));
        drop(uploads);

        let at_once = UploadOptions {
            expiry: Duration::ZERO,
            ..options()
        };
        let uploads = store.uploads(at_once).expect("free");
        let id = uploads.receive("", "").expect("room").finish();
        assert_eq!(
            fault(uploads.take(&id, "")),
            UploadFault::NotFound { id: id.clone() }
        );
        assert_eq!(files(&store), Vec::<String>::new());
    }

    #[test]
    fn one_server_at_a_time_has_the_area_and_clears_what_another_left() {
        let directory = tempfile::tempdir().expect("made");
        let store = store(&directory);
        let uploads = store.uploads(options()).expect("free");
        let held = store.uploads(options()).expect_err("held");
        assert_eq!(held.code(), "busy");
        std::mem::forget(uploads.receive("", "").expect("room"));
        let left = store.path().join(".ovpack/uploads/.ovpack-1-2.tmp");
        #[expect(
            clippy::disallowed_methods,
            reason = "as a program that was killed leaves it"
        )]
        std::fs::write(left, b"x").expect("written");
        assert_eq!(files(&store).len(), 2);
        // The forgotten upload holds the lock, as if its process had not ended.
        let lock = store.path().join(".ovpack/uploads/lock");
        #[expect(clippy::disallowed_methods, reason = "the same")]
        std::fs::remove_file(lock).expect("there");
        drop(uploads);
        let again = store.uploads(options()).expect("free");
        assert_eq!((files(&store), again.bytes()), (vec![], 0));
    }

    #[test]
    fn what_is_handed_out_has_no_name_once_it_is_open() {
        let directory = tempfile::tempdir().expect("made");
        let store = store(&directory);
        let uploads = store.uploads(options()).expect("free");
        let outgoing = uploads.outgoing();
        #[expect(clippy::disallowed_methods, reason = "as an export does")]
        std::fs::write(outgoing.path(), b"pack").expect("written");
        let mut file = outgoing.open().expect("there");
        assert_eq!(files(&store), Vec::<String>::new());
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("open");
        assert_eq!(bytes, b"pack");
    }
}
