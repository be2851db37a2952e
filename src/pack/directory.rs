//! The walk through a pack's directory: every byte up to it belongs to one member, every member
//! has two headers that agree, and two other readers see the same.
//!
//! ```text
//! 0 [local|data|descriptor] .. [local|data|descriptor] [central] .. [central] [end records] EOF
//! ```

use super::coverage::Coverage;
use super::end::PackEnd;
use super::extra::Fault;
use super::header::Claims;
use super::member::MemberLocation;
use super::member_name::shown_bytes;
use super::pack_file::{PackFile, Window};
use super::record::{CENTRAL_BYTES, CentralHeader, Descriptor, LOCAL_BYTES, LocalHeader};
use super::third_reader::ThirdReader;
use crate::error::{Error, Result};
use crate::finding::Rule;

/// Bytes of directory read at a time.
const DIRECTORY_STEP_BYTES: usize = 64 << 10;
/// Bytes read at a local header: with small files, those of the next members too.
const LOCAL_STEP_BYTES: usize = 4 << 10;
/// What rawzip needs to hold the longest central header: 46 bytes and three 16-bit lengths.
const SECOND_READER_BYTES: usize = 256 << 10;

/// A member as the walk sees it, before its name means anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawMember<'a> {
    /// Its place in the directory, from 0.
    pub(super) ordinal: u64,
    /// Its name as it stands there.
    pub(super) name: &'a [u8],
    /// Whether the name is said to be UTF-8.
    pub(super) is_utf8: bool,
    /// Where its bytes are.
    pub(super) location: MemberLocation,
}

/// The central headers, one after the other.
struct Headers<'f> {
    file: &'f PackFile,
    window: Window<'f>,
    end: PackEnd,
    next_offset: u64,
    ordinal: u64,
}

impl<'f> Headers<'f> {
    const fn new(file: &'f PackFile, end: &PackEnd) -> Self {
        Self {
            file,
            window: Window::new(file, DIRECTORY_STEP_BYTES),
            end: *end,
            next_offset: end.directory_offset,
            ordinal: 0,
        }
    }

    /// Returns the next header and its place; `None` after the last, which must end the directory.
    fn next(&mut self) -> Result<Option<(u64, CentralHeader<'_>)>> {
        let (file, offset, end) = (self.file, self.next_offset, self.end.directory_end);
        let refuse = |detail: String| Err(file.refuse(Rule::ZipStructure, "", detail));
        if self.ordinal == self.end.members {
            if offset == end {
                return Ok(None);
            }
            return refuse(format!(
                "{} members end at {offset}; the directory ends at {end}",
                self.ordinal
            ));
        }
        let ordinal = self.ordinal;
        let fixed = self.window.bytes(offset, CENTRAL_BYTES, end)?;
        let Some(length) = fixed.and_then(CentralHeader::length) else {
            return refuse(format!(
                "no central header at {offset}, where that of member {ordinal} of {} should be",
                self.end.members
            ));
        };
        self.ordinal = ordinal.saturating_add(1);
        self.next_offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        match self
            .window
            .bytes(offset, length, end)?
            .and_then(CentralHeader::parse)
        {
            Some(header) => Ok(Some((ordinal, header))),
            None => refuse(format!(
                "the central header at {offset} has {length} bytes; the directory ends at {end}"
            )),
        }
    }
}

/// Gives the name of every member, in the order of the directory. Only the directory is read.
pub(super) fn names(
    file: &PackFile,
    end: &PackEnd,
    on_name: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut headers = Headers::new(file, end);
    while let Some((_, header)) = headers.next()? {
        on_name(header.common.name)?;
    }
    Ok(())
}

/// Returns where the first member of a name is, as its own two headers say; `None` where there is
/// none of that name.
pub(super) fn location_of(
    file: &PackFile,
    end: &PackEnd,
    name: &[u8],
) -> Result<Option<MemberLocation>> {
    let mut headers = Headers::new(file, end);
    while let Some((_, header)) = headers.next()? {
        if header.common.name == name {
            let refuse = |(rule, detail): Fault| file.refuse(rule, &shown_bytes(name), detail);
            let claims = Claims::of(&header).map_err(refuse)?;
            let mut locals = Window::new(file, LOCAL_STEP_BYTES);
            return locate(file, &mut locals, end, &claims).map(|(location, _)| Some(location));
        }
    }
    Ok(None)
}

/// Gives every member, in the order of the directory, once all that its headers say is judged.
/// That no byte is left over is known only when this returns.
pub(super) fn walk(
    file: &PackFile,
    end: &PackEnd,
    on_member: &mut dyn FnMut(&RawMember<'_>) -> Result<()>,
) -> Result<()> {
    let mut headers = Headers::new(file, end);
    let mut locals = Window::new(file, LOCAL_STEP_BYTES);
    let mut coverage = Coverage::default();
    let mut second_buffer = vec![0; SECOND_READER_BYTES];
    let archive = second_reader(file, end, &mut second_buffer)?;
    let mut second = archive.entries(&mut second_buffer);
    while let Some((ordinal, header)) = headers.next()? {
        let name = header.common.name;
        let refuse =
            |(rule, detail): Fault| -> Error { file.refuse(rule, &shown_bytes(name), detail) };
        let claims = Claims::of(&header).map_err(refuse)?;
        let (location, record_end) = locate(file, &mut locals, end, &claims)?;
        coverage
            .take(location.header_offset, record_end)
            .map_err(|run| {
                let detail = format!(
                    "bytes {} to {} belong to it and to another member",
                    run.start, run.end
                );
                refuse((Rule::ZipOverlap, detail))
            })?;
        let seen = second.next_entry().ok().flatten();
        if !seen.is_some_and(|seen| is_same(&archive, &seen, name, &location)) {
            let detail = "a second ZIP reader sees another member here".to_owned();
            return Err(refuse((Rule::ReadersDisagree, detail)));
        }
        on_member(&RawMember {
            ordinal,
            name,
            is_utf8: claims.is_utf8(),
            location,
        })?;
    }
    if !matches!(second.next_entry(), Ok(None)) {
        let detail = "a second ZIP reader sees more members";
        return Err(file.refuse(Rule::ReadersDisagree, "", detail));
    }
    if let Some(gap) = coverage.gap(end.directory_offset) {
        let detail = format!("bytes {} to {} belong to no member", gap.start, gap.end);
        return Err(file.refuse(Rule::ZipGap, "", detail));
    }
    ensure_third_agrees(file, end)
}

/// Reads a member's local header and descriptor; returns where its data is and where it ends.
fn locate(
    file: &PackFile,
    locals: &mut Window<'_>,
    end: &PackEnd,
    claims: &Claims<'_>,
) -> Result<(MemberLocation, u64)> {
    let (offset, limit) = (claims.header_offset, end.directory_offset);
    let name = || shown_bytes(claims.name);
    let structure = |detail: String| file.refuse(Rule::ZipStructure, &name(), detail);
    let past = || {
        structure(format!(
            "its local header at {offset} does not end before the directory at {limit}"
        ))
    };
    let fixed = locals.bytes(offset, LOCAL_BYTES, limit)?;
    let fixed = fixed.ok_or_else(past)?;
    let length = LocalHeader::length(fixed)
        .ok_or_else(|| structure(format!("there is no local header at {offset}")))?;
    let bytes = locals.bytes(offset, length, limit)?;
    let local = bytes.and_then(LocalHeader::parse).ok_or_else(past)?;
    let is_zip64 = claims
        .ensure_same(&local)
        .map_err(|(rule, detail)| file.refuse(rule, &name(), detail))?;
    let data_offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    let data_end = data_offset
        .checked_add(claims.compressed_bytes)
        .filter(|data_end| *data_end <= limit)
        .ok_or_else(|| {
            let bytes = claims.compressed_bytes;
            structure(format!(
                "its {bytes} bytes of data at {data_offset} do not end before the directory at {limit}"
            ))
        })?;
    let location = claims.location(data_offset);
    let Some(descriptor) = claims.descriptor() else {
        return Ok((location, data_end));
    };
    let room = usize::try_from(limit.saturating_sub(data_end)).unwrap_or(usize::MAX);
    let bytes = locals.bytes(data_end, room.min(Descriptor::BYTES_MAX), limit)?;
    let bytes = bytes.unwrap_or_default();
    let found = descriptor.length_in(bytes, is_zip64);
    let descriptor_bytes = found.ok_or_else(|| {
        let detail = format!(
            "no data descriptor at {data_end} that says CRC-32 {:08x}, {} compressed bytes, {} bytes; \
             the bytes there are {}",
            descriptor.crc32,
            descriptor.compressed_bytes,
            descriptor.size_bytes,
            format_args!("{bytes:02x?}")
        );
        file.refuse(Rule::MemberDescriptor, &name(), detail)
    })?;
    Ok((location, data_end.saturating_add(descriptor_bytes)))
}

/// Opens the pack with rawzip, which shares no code with the rest of this module.
///
/// It takes the last signature of an end record for one, also where it stands within the fields of
/// the true one; so it is told where that begins. No later one can be meant: the comment is text.
fn second_reader<'f>(
    file: &'f PackFile,
    end: &PackEnd,
    buffer: &mut [u8],
) -> Result<rawzip::ZipArchive<&'f PackFile>> {
    let signature_end = end.record_offset.saturating_add(4);
    let opened = rawzip::ZipLocator::new().locate_in_reader(file, buffer, signature_end);
    let archive = opened.ok().filter(|archive| {
        archive.eocd_offset() == end.record_offset
            && archive.directory_offset() == end.directory_offset
            && archive.entries_hint() == end.members
    });
    archive.ok_or_else(|| {
        let detail = "a second ZIP reader finds another end of the archive";
        file.refuse(Rule::ReadersDisagree, "", detail)
    })
}

/// Walks the directory once more beside the `zip` crate, where it is small enough for that. Last, so
/// that what is wrong in itself is said in our words.
fn ensure_third_agrees(file: &PackFile, end: &PackEnd) -> Result<()> {
    let opened = ThirdReader::open(file, end).map_err(|why| {
        let detail = format!("a third ZIP reader finds another directory: {why}");
        file.refuse(Rule::ReadersDisagree, "", detail)
    })?;
    let Some(third) = opened else {
        return Ok(());
    };
    let mut headers = Headers::new(file, end);
    while let Some((ordinal, header)) = headers.next()? {
        let refuse = |(rule, detail): Fault| -> Error {
            file.refuse(rule, &shown_bytes(header.common.name), detail)
        };
        let claims = Claims::of(&header).map_err(refuse)?;
        if !third.is_same(ordinal, &claims) {
            let detail = "a third ZIP reader sees another member here".to_owned();
            return Err(refuse((Rule::ReadersDisagree, detail)));
        }
    }
    Ok(())
}

/// Whether rawzip sees the member where and as the walk sees it.
fn is_same(
    archive: &rawzip::ZipArchive<&PackFile>,
    seen: &rawzip::ZipFileHeaderRecord<'_>,
    name: &[u8],
    location: &MemberLocation,
) -> bool {
    let data_end = location.data_offset.checked_add(location.compressed_bytes);
    seen.file_path().as_ref() == name
        && seen.crc32() == location.crc32
        && seen.compression_method().as_u16() == location.method.code()
        && seen.local_header_offset() == location.header_offset
        && seen.compressed_size_hint() == location.compressed_bytes
        && seen.uncompressed_size_hint() == location.size_bytes
        && archive.get_entry(seen.wayfinder()).is_ok_and(|entry| {
            let (start, end) = entry.compressed_data_range();
            start == location.data_offset && Some(end) == data_end
        })
}
