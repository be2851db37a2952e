//! How a pack ends: the end record, the Zip64 end record, and where they say the directory is.

use super::pack_file::PackFile;
use super::record::{
    END_BYTES, END_SIGNATURE, EndRecord, LOCATOR_BYTES, Locator, ZIP64_END_BYTES,
    ZIP64_END_UNCOUNTED_BYTES, Zip64End,
};
use crate::error::Result;
use crate::finding::Rule;

/// Longest comment that an end record can have.
const COMMENT_BYTES_MAX: usize = 0xffff;
/// A 16-bit field whose value stands in the Zip64 record.
const SENTINEL_16: u16 = u16::MAX;
/// A 32-bit field whose value stands in the Zip64 record.
const SENTINEL_32: u32 = u32::MAX;

/// Where the directory is, and how many members it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackEnd {
    /// Members that the directory is said to list.
    pub(super) members: u64,
    /// First byte of the directory; members fill all bytes before it.
    pub(super) directory_offset: u64,
    /// First byte after the directory, where the end records begin.
    pub(super) directory_end: u64,
    /// First byte of the end record.
    pub(super) record_offset: u64,
}

/// Finds the end of a pack: the last record that is an end record with a comment up to the end of
/// the file. Signatures before it mean nothing, since the bytes there must belong to other records.
pub(super) fn discover(file: &PackFile) -> Result<PackEnd> {
    let (record_offset, record, comment) = end_record(file)?;
    ensure_plain_comment(file, &comment)?;
    let zip64 = zip64_record(file, record_offset)?;
    let (end, directory_bytes) = if let Some((directory_end, zip64)) = zip64 {
        ensure_agree(file, &record, &zip64)?;
        let end = PackEnd {
            members: zip64.members,
            directory_offset: zip64.directory_offset,
            directory_end,
            record_offset,
        };
        (end, zip64.directory_bytes)
    } else {
        ensure_plain(file, &record)?;
        let end = PackEnd {
            members: record.members.into(),
            directory_offset: record.directory_offset.into(),
            directory_end: record_offset,
            record_offset,
        };
        (end, record.directory_bytes.into())
    };
    if end.directory_offset.checked_add(directory_bytes) == Some(end.directory_end) {
        return Ok(end);
    }
    let detail = format!(
        "the end record says {directory_bytes} bytes of directory at {}; the directory ends at {}",
        end.directory_offset, end.directory_end
    );
    Err(file.refuse(Rule::ZipEndRecord, "", detail))
}

/// Finds the end record: its offset, itself, and its comment.
fn end_record(file: &PackFile) -> Result<(u64, EndRecord, Vec<u8>)> {
    let most = u64::try_from(END_BYTES + COMMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let tail_bytes = file.bytes().min(most);
    let tail_offset = file.bytes().saturating_sub(tail_bytes);
    let mut tail = vec![0; usize::try_from(tail_bytes).unwrap_or(0)];
    file.read_exact_at(&mut tail, tail_offset)?;
    let fits = |bytes: &&[u8]| {
        EndRecord::parse(bytes)
            .is_some_and(|record| END_BYTES + usize::from(record.comment_bytes) == bytes.len())
    };
    let starts = (0..=tail.len().saturating_sub(END_BYTES)).rev();
    let found = starts
        .filter_map(|start| tail.get(start..))
        .filter(|bytes| bytes.starts_with(&END_SIGNATURE))
        .find(fits);
    let Some((bytes, record)) = found.and_then(|bytes| Some((bytes, EndRecord::parse(bytes)?)))
    else {
        return Err(file.refuse(Rule::ZipEndRecord, "", no_end_record(file)?));
    };
    let from_end = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let comment = bytes.get(END_BYTES..).unwrap_or_default().to_vec();
    Ok((file.bytes().saturating_sub(from_end), record, comment))
}

/// Says what is wrong with a file that does not end like a ZIP: whoever named another file than a pack is
/// told so.
fn no_end_record(file: &PackFile) -> Result<&'static str> {
    let mut start = [0; 2];
    if file.bytes() == 0 {
        return Ok("it is empty");
    }
    if file.bytes() >= 2 {
        file.read_exact_at(&mut start, 0)?;
    }
    Ok(if start == *b"PK" {
        "no end record reaches to the end of the file"
    } else {
        "it neither begins nor ends like a ZIP"
    })
}

/// A comment is for people; other bytes in it can be a second archive.
fn ensure_plain_comment(file: &PackFile, comment: &[u8]) -> Result<()> {
    let odd = comment
        .iter()
        .position(|byte| !matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'));
    match odd {
        None => Ok(()),
        Some(position) => {
            let detail = format!("byte {position} of the archive comment is not printable ASCII");
            Err(file.refuse(Rule::ArchiveComment, "", detail))
        }
    }
}

/// Returns the Zip64 end record and its offset, where a locator stands before the end record.
fn zip64_record(file: &PackFile, record_offset: u64) -> Result<Option<(u64, Zip64End)>> {
    let locator_bytes = u64::try_from(LOCATOR_BYTES).unwrap_or(u64::MAX);
    let Some(locator_offset) = record_offset.checked_sub(locator_bytes) else {
        return Ok(None);
    };
    let mut bytes = [0; LOCATOR_BYTES];
    file.read_exact_at(&mut bytes, locator_offset)?;
    let Some(locator) = Locator::parse(&bytes) else {
        return Ok(None);
    };
    let refuse = |detail: String| Err(file.refuse(Rule::Zip64Record, "", detail));
    if locator.record_disk != 0 || locator.disks != 1 {
        return refuse(format!(
            "the Zip64 locator says disk {} of {}; expected disk 0 of 1",
            locator.record_disk, locator.disks
        ));
    }
    let offset = locator.record_offset;
    let there = locator_offset.saturating_sub(offset);
    if there < u64::try_from(ZIP64_END_BYTES).unwrap_or(u64::MAX) {
        return refuse(format!(
            "the Zip64 locator at {locator_offset} points to {offset}, where no Zip64 end record fits"
        ));
    }
    let mut bytes = [0; ZIP64_END_BYTES];
    file.read_exact_at(&mut bytes, offset)?;
    let Some(record) = Zip64End::parse(&bytes) else {
        return refuse(format!("there is no Zip64 end record at {offset}"));
    };
    if record.counted_bytes.checked_add(ZIP64_END_UNCOUNTED_BYTES) != Some(there) {
        return refuse(format!(
            "the Zip64 end record says {} bytes; {} follow its length field",
            record.counted_bytes,
            there.saturating_sub(ZIP64_END_UNCOUNTED_BYTES)
        ));
    }
    Ok(Some((offset, record)))
}

/// Every field of the end record is the Zip64 record's, or says that the value stands there.
fn ensure_agree(file: &PackFile, record: &EndRecord, zip64: &Zip64End) -> Result<()> {
    let narrow = |plain: u16| (plain != SENTINEL_16).then_some(u64::from(plain));
    let wide = |plain: u32| (plain != SENTINEL_32).then_some(u64::from(plain));
    let disk = u64::from(zip64.disk);
    let directory_disk = u64::from(zip64.directory_disk);
    for (what, plain, value) in [
        ("disk", narrow(record.disk), disk),
        (
            "disk of the directory",
            narrow(record.directory_disk),
            directory_disk,
        ),
        (
            "members on this disk",
            narrow(record.members_on_disk),
            zip64.members_on_disk,
        ),
        ("members", narrow(record.members), zip64.members),
        (
            "bytes of directory",
            wide(record.directory_bytes),
            zip64.directory_bytes,
        ),
        (
            "offset of the directory",
            wide(record.directory_offset),
            zip64.directory_offset,
        ),
    ] {
        if let Some(plain) = plain.filter(|plain| *plain != value) {
            let detail =
                format!("{what}: the end record says {plain}, the Zip64 end record {value}");
            return Err(file.refuse(Rule::Zip64Record, "", detail));
        }
    }
    ensure_one_disk(file, disk, directory_disk)?;
    ensure_one_count(file, zip64.members_on_disk, zip64.members)
}

/// Without a Zip64 record no field may send the reader to one. 65,535 members are just that many.
fn ensure_plain(file: &PackFile, record: &EndRecord) -> Result<()> {
    if record.directory_bytes == SENTINEL_32 || record.directory_offset == SENTINEL_32 {
        let detail = "the end record asks for a Zip64 end record, and there is none";
        return Err(file.refuse(Rule::Zip64Record, "", detail));
    }
    ensure_one_disk(file, record.disk.into(), record.directory_disk.into())?;
    ensure_one_count(file, record.members_on_disk.into(), record.members.into())
}

fn ensure_one_disk(file: &PackFile, disk: u64, directory_disk: u64) -> Result<()> {
    if disk == 0 && directory_disk == 0 {
        return Ok(());
    }
    let detail = format!(
        "the archive says disk {disk}, with its directory on disk {directory_disk}; expected 0"
    );
    Err(file.refuse(Rule::ZipEndRecord, "", detail))
}

fn ensure_one_count(file: &PackFile, on_disk: u64, members: u64) -> Result<()> {
    if on_disk == members {
        return Ok(());
    }
    let detail = format!("the archive says {on_disk} members on this disk, and {members} in all");
    Err(file.refuse(Rule::ZipEndRecord, "", detail))
}
