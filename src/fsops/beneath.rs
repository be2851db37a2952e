//! Opening below a directory without following a link or leaving it: by the kernel where it has
//! `openat2` (Linux 5.6), one component at a time where it has not or a sandbox forbids it.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::fault;

/// Opens below `dir`; `""` is `dir` itself.
///
/// # Errors
/// `ELOOP` for a link on the way, and `ELOOP` or `ENOTDIR` for one at the end; `EXDEV` for what
/// leads out of `dir`.
pub(super) fn open_beneath(dir: BorrowedFd<'_>, below: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let below = if below.is_empty() { "." } else { below };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = if fault::lacks_openat2() {
        Err(Errno::NOSYS)
    } else {
        fs::openat2(dir, below, flags, Mode::empty(), resolve)
    };
    match opened {
        Err(Errno::NOSYS | Errno::PERM) => Ok(open_stepwise(dir, below, flags)?),
        opened => Ok(opened?),
    }
}

/// Does what `openat2` does. Only one descriptor is held beside `dir`, however long the way is.
fn open_stepwise(dir: BorrowedFd<'_>, below: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    const ON_THE_WAY: OFlags = OFlags::PATH
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    let (mut at, mut rest) = (None::<OwnedFd>, below);
    loop {
        let here = at.as_ref().map_or(dir, |fd| fd.as_fd());
        match rest.split_once('/') {
            None => return open_component(here, rest, flags | OFlags::NOFOLLOW),
            Some((name, below)) => {
                at = Some(open_component(here, name, ON_THE_WAY)?);
                rest = below;
            }
        }
    }
}

fn open_component(dir: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    if matches!(name, "" | "..") {
        return Err(Errno::XDEV);
    }
    fs::openat(dir, name, flags, Mode::empty()).map_err(|source| {
        // A link where a directory is asked for without following it.
        if source == Errno::NOTDIR && is_link(dir, name) {
            Errno::LOOP
        } else {
            source
        }
    })
}

fn is_link(dir: BorrowedFd<'_>, name: &str) -> bool {
    fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|raw| FileType::from_raw_mode(raw.st_mode).is_symlink())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the trees in which they open"
)]
mod tests {
    use std::os::unix::fs::symlink;

    use camino::Utf8Path;

    use super::super::{Dir, stat_file};
    use super::*;
    use crate::error::Error;

    /// What opening comes to: an inode, or a code.
    fn outcomes(dir: &Dir, below: &str) -> [Result<u64, String>; 3] {
        let code = |error: Error| {
            if let Error::Io { source, .. } = &error {
                return source.to_string();
            }
            error.code().to_owned()
        };
        let directory = dir.open_dir(below).and_then(|dir| dir.stat());
        let file = dir.open_file(below);
        let file = file.and_then(|file| stat_file(&file, Utf8Path::new(below)));
        let stat = dir.stat_at(below);
        [
            directory.map(|stat| stat.inode).map_err(code),
            file.map(|stat| stat.inode).map_err(code),
            stat.map(|stat| stat.map_or(0, |stat| stat.inode))
                .map_err(code),
        ]
    }

    #[test]
    fn without_openat2_the_same_is_opened_and_the_same_is_refused() {
        let held = tempfile::tempdir().expect("a directory");
        let root = held.path().join("root");
        std::fs::create_dir_all(root.join("a/b/c")).expect("made");
        std::fs::create_dir_all(held.path().join("outside/b")).expect("made");
        std::fs::write(held.path().join("outside/file"), "secret").expect("written");
        std::fs::write(root.join("a/file"), "x").expect("written");
        symlink("b", root.join("a/inside")).expect("linked");
        symlink("../../outside", root.join("a/link")).expect("linked");
        symlink("/", root.join("absolute")).expect("linked");
        symlink("nowhere", root.join("dangling")).expect("linked");
        symlink("a/file", root.join("linked-file")).expect("linked");
        let dir = Dir::open(Utf8Path::from_path(&root).expect("UTF-8")).expect("opened");
        let mut opened = 0;
        for below in [
            "",
            "a",
            "a/b",
            "a/b/c",
            "a/file",
            "a/missing",
            "missing/a",
            "a/file/below",
            "a/inside",
            "a/inside/c",
            "a/link",
            "a/link/b",
            "a/link/file",
            "absolute",
            "absolute/etc",
            "dangling",
            "dangling/x",
            "linked-file",
            "linked-file/x",
            "..",
            "../outside",
            "a/../../outside/file",
            "/etc/passwd",
        ] {
            let by_kernel = outcomes(&dir, below);
            let by_steps = fault::without_openat2(|| outcomes(&dir, below));
            assert_eq!(by_steps, by_kernel, "{below:?}");
            let is_good = by_kernel.iter().take(2).any(Result::is_ok);
            opened += usize::from(is_good);
        }
        assert_eq!(opened, 5, "what lies beneath and is no link");
    }

    #[test]
    fn without_openat2_a_way_may_be_longer_than_a_process_may_have_files_open() {
        let held = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(Utf8Path::from_path(held.path()).expect("UTF-8")).expect("opened");
        let mut at = dir.again().expect("opened");
        for _ in 0..2_000 {
            at.create_dir("d", 0o755).expect("made");
            at = at.open_dir("d").expect("opened");
        }
        let way = vec!["d"; 2_000].join("/");
        let deepest = fault::without_openat2(|| dir.open_dir(&way)).expect("opened");
        let same = [&at, &deepest].map(|dir| dir.stat().expect("there").inode);
        assert_eq!(same[0], same[1]);
        dir.remove_tree("d").expect("removed");
    }
}
