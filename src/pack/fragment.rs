//! Members of a pack that need not be whole: headers wherever they stand, and what follows them.
//!
//! Nothing here refuses. A header may be found twice, may be one by chance, and may lie; who asks
//! holds the unpacked bytes against something better. A deflate stream says itself where it ends,
//! so that damaged sizes and a missing descriptor do not matter.

use std::cell::RefCell;
use std::io;

use camino::Utf8Path;

use super::Place;
use super::extra::Zip64;
use super::header::FLAG_DESCRIPTOR;
use super::header::FLAG_UTF8;
use super::inflate::{Inflater, MemberStream};
use super::json::{JsonSource, Stop};
use super::json_stream::JsonStream;
use super::manifest::{ManifestHead, ManifestSink, read_head};
use super::member::{MemberLocation, Method, Observed};
use super::pack_file::{PackFile, Window};
use super::reading::Reading;
use super::record::{
    CENTRAL_BYTES, CentralHeader, Common, Descriptor, EndRecord, Fields, LOCAL_BYTES, LocalHeader,
};
use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::finding::Rule;
use crate::limits::Limits;

/// Bytes that are looked through at once.
const STEP_BYTES: usize = 128 << 10;
/// End records that are heeded. A pack has one; a pack in a pack, and one behind another, has more.
const ENDS_MAX: usize = 1000;

/// A header, and where the data is that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) is_utf8: bool,
    /// CRC-32 and sizes may follow the data.
    pub(crate) has_descriptor: bool,
    pub(crate) location: MemberLocation,
}

/// What the data of a fragment is, as far as it can be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    pub(crate) packed_bytes: u64,
    pub(crate) crc32: u32,
    pub(crate) observed: Observed,
    /// Why it does not come to its end.
    pub(crate) fault: Option<String>,
}

/// A pack that need not be whole. Changes nothing.
#[derive(Debug)]
pub(crate) struct Wreck {
    file: PackFile,
}

/// An end record, as far as it tells where its directory is.
#[derive(Clone, Copy, Debug)]
struct End {
    directory_at: u64,
    record_at: u64,
    /// How many bytes stand before the pack that are none of it.
    shift: u64,
}

impl Wreck {
    /// Opens a pack. Nothing is read yet.
    ///
    /// # Errors
    /// [`Error::FileNotFound`], [`Error::NotAFile`], [`Error::Io`].
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        PackFile::open(path).map(|file| Self { file })
    }

    /// Returns the length of the file in bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Fails with [`Error::FileChanging`] where the file was written since it was opened.
    pub(crate) fn ensure_unchanged(&self) -> Result<()> {
        self.file.ensure_unchanged()
    }

    /// Gives every header of the file, local and central.
    pub(crate) fn each_fragment(
        &self,
        give: &mut dyn FnMut(&Fragment<'_>) -> Result<()>,
    ) -> Result<()> {
        let ends = self.ends()?;
        let mut window = Window::new(&self.file, STEP_BYTES);
        let mut far = Window::new(&self.file, LOCAL_BYTES);
        self.each_signature(&mut |signature, at| match signature {
            [_, _, 3, 4] => self.local(&mut window, at, give),
            [_, _, 1, 2] => self.central(&mut window, &mut far, &ends, at, give),
            _ => Ok(()),
        })
    }

    fn ends(&self) -> Result<Vec<End>> {
        let mut ends = Vec::new();
        let mut window = Window::new(&self.file, STEP_BYTES);
        self.each_signature(&mut |signature, at| {
            if signature != [b'P', b'K', 5, 6] || ends.len() >= ENDS_MAX {
                return Ok(());
            }
            let bytes = window.bytes(at, super::record::END_BYTES, self.bytes())?;
            if let Some(record) = bytes.and_then(EndRecord::parse)
                && let Some(directory_at) = at.checked_sub(record.directory_bytes.into())
                && let Some(shift) = directory_at.checked_sub(record.directory_offset.into())
            {
                ends.push(End {
                    directory_at,
                    record_at: at,
                    shift,
                });
            }
            Ok(())
        })?;
        Ok(ends)
    }

    fn each_signature(&self, visit: &mut dyn FnMut([u8; 4], u64) -> Result<()>) -> Result<()> {
        let mut buffer = vec![0; STEP_BYTES];
        let mut offset = 0_u64;
        loop {
            let left = self.bytes().saturating_sub(offset);
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(STEP_BYTES);
            let bytes = buffer.get_mut(..step).unwrap_or_default();
            self.file.read_exact_at(bytes, offset)?;
            for (at, window) in bytes.windows(4).enumerate() {
                if let [b'P', b'K', third, fourth] = window {
                    visit(
                        [b'P', b'K', *third, *fourth],
                        offset.saturating_add(at as u64),
                    )?;
                }
            }
            if step as u64 == left {
                return Ok(());
            }
            // A signature may lie across the border.
            offset = offset.saturating_add((step as u64).saturating_sub(3));
        }
    }

    fn local(
        &self,
        window: &mut Window<'_>,
        at: u64,
        give: &mut dyn FnMut(&Fragment<'_>) -> Result<()>,
    ) -> Result<()> {
        let fixed = window.bytes(at, LOCAL_BYTES, self.bytes())?;
        let Some(length) = fixed.and_then(LocalHeader::length) else {
            return Ok(());
        };
        let header = window.bytes(at, length, self.bytes())?;
        let Some(header) = header.and_then(LocalHeader::parse) else {
            return Ok(());
        };
        let mut zip64 = Zip64::find(header.common.extra, header.common.name).ok();
        give_fragment(
            &header.common,
            &mut zip64,
            (at, at.saturating_add(length as u64)),
            give,
        )
    }

    fn central(
        &self,
        window: &mut Window<'_>,
        far: &mut Window<'_>,
        ends: &[End],
        at: u64,
        give: &mut dyn FnMut(&Fragment<'_>) -> Result<()>,
    ) -> Result<()> {
        let fixed = window.bytes(at, CENTRAL_BYTES, self.bytes())?;
        let Some(length) = fixed.and_then(CentralHeader::length) else {
            return Ok(());
        };
        let header = window.bytes(at, length, self.bytes())?;
        let Some(header) = header.and_then(CentralHeader::parse) else {
            return Ok(());
        };
        let find = || Zip64::find(header.common.extra, header.common.name).ok();
        let mut zip64 = find();
        let wide = |zip64: &mut Option<Zip64<'_>>, plain: u32| {
            let value = zip64.as_mut().and_then(|zip64| zip64.size(plain).ok());
            value.unwrap_or(plain.into())
        };
        wide(&mut zip64, header.common.size_bytes);
        wide(&mut zip64, header.common.compressed_bytes);
        let offset = wide(&mut zip64, header.header_offset);
        let is_of = |end: &&End| (end.directory_at..end.record_at).contains(&at);
        let shift = ends.iter().find(is_of).map_or(0, |end| end.shift);
        let header_at = offset.saturating_add(shift);
        let Some(local) = far.bytes(header_at, LOCAL_BYTES, self.bytes())? else {
            return Ok(());
        };
        let mut lengths = Fields(local.get(26..).unwrap_or_default());
        let (name, extra) = (lengths.u16().unwrap_or(0), lengths.u16().unwrap_or(0));
        let start = header_at.saturating_add(LOCAL_BYTES as u64);
        let said = start
            .saturating_add(name.into())
            .saturating_add(extra.into());
        // What a damaged local header says of its length is held against the name that it should have.
        let plain = start.saturating_add(header.common.name.len() as u64);
        give_fragment(&header.common, &mut find(), (header_at, said), give)?;
        if plain != said {
            give_fragment(&header.common, &mut find(), (header_at, plain), give)?;
        }
        Ok(())
    }

    /// Unpacks what follows a header, at most `most_bytes` of it, up to where the data itself ends.
    pub(crate) fn unpack(
        &self,
        location: &MemberLocation,
        most_bytes: u64,
        scratch: &mut Inflater,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Unpacked> {
        let mut hasher = Hasher::default();
        let mut fault = None;
        let open = self.open_ended(location);
        let mut stream = MemberStream::new(&self.file, scratch, &open, "");
        let left = self.bytes().saturating_sub(location.data_offset);
        if location.method == Method::Stored && location.compressed_bytes > left {
            fault = Some(format!(
                "its header says {} bytes; the file has {left} more",
                location.compressed_bytes
            ));
        }
        while fault.is_none() {
            match stream.next_bytes(usize::MAX)? {
                Ok([]) => break,
                Ok(bytes) => {
                    hasher.update(bytes);
                    out(bytes)?;
                }
                Err(finding) => {
                    if !stream.is_ended() {
                        fault = Some(finding.detail);
                    }
                    break;
                }
            }
            if stream.unpacked_bytes() > most_bytes {
                fault = Some(format!(
                    "it unpacks to more than the {most_bytes} bytes that the limits leave"
                ));
            }
        }
        Ok(Unpacked {
            packed_bytes: stream.packed_bytes(),
            crc32: stream.crc32(),
            observed: Observed {
                size_bytes: stream.unpacked_bytes(),
                sha256: hasher.finish(),
            },
            fault,
        })
    }

    /// Returns whether a descriptor with these values follows the data.
    pub(crate) fn has_descriptor(&self, data_offset: u64, unpacked: &Unpacked) -> Result<bool> {
        let at = data_offset.saturating_add(unpacked.packed_bytes);
        let left = usize::try_from(self.bytes().saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = [0; Descriptor::BYTES_MAX];
        let bytes = bytes
            .get_mut(..left.min(Descriptor::BYTES_MAX))
            .unwrap_or_default();
        self.file.read_exact_at(bytes, at)?;
        let descriptor = Descriptor {
            crc32: unpacked.crc32,
            compressed_bytes: unpacked.packed_bytes,
            size_bytes: unpacked.observed.size_bytes,
        };
        let is_there = |is_zip64| descriptor.length_in(bytes, is_zip64).is_some();
        Ok(is_there(false) || is_there(true))
    }

    /// Reads as much of a manifest as is JSON. The head is there only if all of it is.
    pub(crate) fn read_manifest(
        &self,
        location: &MemberLocation,
        place: Place,
        limits: &Limits,
        sink: &mut dyn ManifestSink,
    ) -> Result<Option<ManifestHead>> {
        let stop = RefCell::new(None);
        let mut reading = Reading {
            sink,
            place,
            limits,
            rule: Rule::ManifestSyntax,
            stop: &stop,
        };
        let mut scratch = Inflater::new();
        let open = self.open_ended(location);
        let stream = MemberStream::new(&self.file, &mut scratch, &open, "");
        let bounded = Bounded {
            source: JsonSource::new(stream, &stop, &|| false),
            left: limits.manifest_bytes,
        };
        let parsed = read_head(&mut JsonStream::new(bounded), &mut reading);
        match stop.take() {
            Some(Stop::Error(error)) => Err(error),
            _ => Ok(parsed.ok()),
        }
    }

    /// Returns a location whose data may be as long as the file.
    fn open_ended(&self, location: &MemberLocation) -> MemberLocation {
        let left = self.bytes().saturating_sub(location.data_offset);
        match location.method {
            Method::Deflate => MemberLocation {
                compressed_bytes: left,
                size_bytes: i64::MAX.unsigned_abs(),
                ..*location
            },
            Method::Stored => MemberLocation {
                compressed_bytes: location.compressed_bytes.min(left),
                size_bytes: location.compressed_bytes.min(left),
                ..*location
            },
        }
    }
}

fn give_fragment(
    common: &Common<'_>,
    zip64: &mut Option<Zip64<'_>>,
    (header_offset, data_offset): (u64, u64),
    give: &mut dyn FnMut(&Fragment<'_>) -> Result<()>,
) -> Result<()> {
    let mut wide = |plain: u32| {
        let value = zip64.as_mut().and_then(|zip64| zip64.size(plain).ok());
        value.unwrap_or(plain.into())
    };
    let size_bytes = wide(common.size_bytes);
    let compressed_bytes = wide(common.compressed_bytes);
    let Some(method) = Method::from_code(common.method) else {
        return Ok(());
    };
    give(&Fragment {
        name: common.name,
        is_utf8: common.flags & FLAG_UTF8 != 0,
        has_descriptor: common.flags & FLAG_DESCRIPTOR != 0,
        location: MemberLocation {
            header_offset,
            data_offset,
            compressed_bytes,
            size_bytes,
            crc32: common.crc32,
            method,
        },
    })
}

/// No more than so many bytes of a source.
struct Bounded<R> {
    source: R,
    left: u64,
}

impl<R: io::Read> io::Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let count = self.source.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Returns the error of an act whose pack is written meanwhile.
pub(crate) fn changing(path: &Utf8Path) -> Error {
    Error::FileChanging {
        path: path.to_owned(),
    }
}
