//! The same directory as the `zip` crate reads it, which most programs in Rust unpack with.
//!
//! It holds all that it reads of the directory, about 250 bytes a member and the names, so only
//! packs of up to [`MEMBERS_MAX`] members are shown to it; rawzip looks at every pack.

use std::io::{self, Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config};

use super::end::PackEnd;
use super::header::Claims;
use super::pack_file::PackFile;

/// Most members of a pack that is read a third time: some 10 MiB.
const MEMBERS_MAX: u64 = 20_000;
/// Bytes read at a time.
const STEP_BYTES: usize = 64 << 10;

/// A pack's directory as the `zip` crate reads it.
pub(super) struct ThirdReader<'f> {
    archive: zip::ZipArchive<io::BufReader<Cursor<'f>>>,
}

impl<'f> ThirdReader<'f> {
    /// Opens the pack. `Ok(None)` where it has nothing to say: the pack has too many members; or one
    /// name twice, which it merges and which is a finding of its own; or it refuses the pack, such as
    /// for a malformed time that means nothing here. What it refuses it does not read differently.
    ///
    /// # Errors
    /// Where and how it sees another directory.
    pub(super) fn open(file: &'f PackFile, end: &PackEnd) -> Result<Option<Self>, String> {
        if end.members > MEMBERS_MAX {
            return Ok(None);
        }
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let cursor = Cursor { file, offset: 0 };
        let buffered = io::BufReader::with_capacity(STEP_BYTES, cursor);
        let opened = zip::ZipArchive::with_config(config, buffered);
        let Some(archive) = opened.ok().filter(|seen| !seen.has_duplicate_names()) else {
            return Ok(None);
        };
        let members = u64::try_from(archive.len()).unwrap_or(u64::MAX);
        let start = archive.central_directory_start();
        if (members, start) == (end.members, end.directory_offset) {
            return Ok(Some(Self { archive }));
        }
        Err(format!(
            "it sees {members} members and their directory at {start}, not {} at {}",
            end.members, end.directory_offset
        ))
    }

    /// Whether it sees this member at this place of the directory.
    pub(super) fn is_same(&self, ordinal: u64, claims: &Claims<'_>) -> bool {
        let index = usize::try_from(ordinal).unwrap_or(usize::MAX);
        self.archive.by_index_data(index).is_ok_and(|seen| {
            seen.name_raw() == claims.name
                && seen.header_start() == claims.header_offset
                && seen.crc32() == claims.crc32
                && seen.compressed_size() == claims.compressed_bytes
                && seen.size() == claims.size_bytes
        })
    }
}

/// A pack as a stream, for a library that wants one.
#[derive(Debug)]
struct Cursor<'f> {
    file: &'f PackFile,
    offset: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = rawzip::ReaderAt::read_at(&self.file, buffer, self.offset)?;
        let read_bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(read_bytes);
        Ok(read)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let offset = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(by) => self.file.bytes().checked_add_signed(by),
            SeekFrom::Current(by) => self.offset.checked_add_signed(by),
        };
        self.offset = offset.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::pack::end;
    use crate::pack::record::CentralHeader;
    use crate::pack::tests::zip_builder::{pack, zip};

    #[test]
    fn another_directory_or_member_is_told_apart() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&zip(&pack())).expect("written");
        let path = camino::Utf8Path::from_path(file.path()).expect("UTF-8");
        let file = PackFile::open(path).expect("a file");
        let end = end::discover(&file).expect("an end");
        let third = ThirdReader::open(&file, &end).expect("the same directory");
        let third = third.expect("a small pack");
        let bytes = zip(&pack());
        let from = usize::try_from(end.directory_offset).expect("small");
        let mut headers = &bytes[from..];
        for _ in 0..2 {
            headers = &headers[CentralHeader::length(headers).expect("a header")..];
        }
        let length = CentralHeader::length(headers).expect("a header");
        let header = CentralHeader::parse(&headers[..length]).expect("a header");
        let claims = Claims::of(&header).expect("right claims");
        assert_eq!(claims.name, b"r/b");
        assert!(third.is_same(2, &claims));
        let mut others = [claims; 5];
        others[0].name = b"r/B";
        others[1].crc32 ^= 1;
        others[2].size_bytes = 4;
        others[3].compressed_bytes = 4;
        others[4].header_offset = 0;
        for other in &others {
            assert!(!third.is_same(2, other), "{other:?}");
        }
        assert!(!third.is_same(1, &claims) && !third.is_same(9, &claims));
        let moved = PackEnd {
            directory_offset: 0,
            ..end
        };
        let seen = ThirdReader::open(&file, &moved).err();
        assert!(seen.is_some_and(|why| why.contains(&end.directory_offset.to_string())));
    }
}
