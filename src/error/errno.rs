//! Names of the system's error numbers.

use std::io;

use rustix::io::Errno;

use super::Error;

const NAMES: &[(Errno, &str)] = &[
    (Errno::ACCESS, "EACCES"),
    (Errno::BUSY, "EBUSY"),
    (Errno::DQUOT, "EDQUOT"),
    (Errno::EXIST, "EEXIST"),
    (Errno::FBIG, "EFBIG"),
    (Errno::INTR, "EINTR"),
    (Errno::INVAL, "EINVAL"),
    (Errno::IO, "EIO"),
    (Errno::ISDIR, "EISDIR"),
    (Errno::LOOP, "ELOOP"),
    (Errno::MFILE, "EMFILE"),
    (Errno::MLINK, "EMLINK"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NODEV, "ENODEV"),
    (Errno::NOENT, "ENOENT"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::NOSPC, "ENOSPC"),
    (Errno::NOSYS, "ENOSYS"),
    (Errno::NOTDIR, "ENOTDIR"),
    (Errno::NOTEMPTY, "ENOTEMPTY"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::PERM, "EPERM"),
    (Errno::ROFS, "EROFS"),
    (Errno::STALE, "ESTALE"),
    (Errno::TXTBSY, "ETXTBSY"),
    (Errno::XDEV, "EXDEV"),
];

impl Error {
    /// Returns the name of the system's error behind this one, such as `ENOSPC`, or its number
    /// where it has no name here; `None` where no answer of the system is behind it.
    pub fn errno(&self) -> Option<String> {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let number = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::raw_os_error);
            if let Some(number) = number {
                let named = |(errno, _): &&(Errno, &str)| errno.raw_os_error() == number;
                return Some(
                    NAMES
                        .iter()
                        .find(named)
                        .map_or_else(|| format!("errno {number}"), |(_, name)| (*name).to_owned()),
                );
            }
            cause = error.source();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_error_is_named_however_deep_it_lies() {
        let io = |number| Error::io("write", "a", io::Error::from_raw_os_error(number));
        assert_eq!(io(28).errno().as_deref(), Some("ENOSPC"));
        assert_eq!(io(5).errno().as_deref(), Some("EIO"));
        assert_eq!(io(12_345).errno().as_deref(), Some("errno 12345"));
        let pending = Error::Pending {
            tx: "tx1".parse().expect("an id"),
            source: Box::new(io(5)),
        };
        assert_eq!(pending.errno().as_deref(), Some("EIO"));
        assert_eq!(Error::Interrupted.errno(), None);
    }
}
