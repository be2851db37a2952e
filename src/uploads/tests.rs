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
