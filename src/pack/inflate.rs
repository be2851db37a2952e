//! Unpacking one member: its bytes, and whether they are what its headers promise.

use std::fmt;

use crc32fast::Hasher as Crc32;
use flate2::{Decompress, FlushDecompress, Status};

use super::member::{MemberLocation, Method};
use super::pack_file::PackFile;
use crate::error::Result;
use crate::finding::{Finding, Rule};

/// Packed bytes read at a time, and unpacked bytes given at a time.
pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// The memory that unpacking needs, made once and used for one member after the other.
pub(crate) struct Inflater {
    decompress: Decompress,
    packed: Box<[u8]>,
    unpacked: Box<[u8]>,
}

impl Inflater {
    /// Allocates the buffers.
    pub(crate) fn new() -> Self {
        Self {
            decompress: Decompress::new(false),
            packed: vec![0; BUFFER_BYTES].into_boxed_slice(),
            unpacked: vec![0; BUFFER_BYTES].into_boxed_slice(),
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater")
    }
}

/// One member being unpacked.
///
/// Never gives more bytes than the headers promise, and ends without a finding only if the stream
/// ends exactly where the packed bytes end and size and CRC-32 are right.
#[derive(Debug)]
pub(super) struct MemberStream<'a> {
    file: &'a PackFile,
    inflater: &'a mut Inflater,
    location: MemberLocation,
    name: &'a str,
    /// Packed bytes taken from the file.
    read_bytes: u64,
    /// The part of `packed` that is not yet unpacked.
    waiting: (usize, usize),
    size_bytes: u64,
    crc32: Crc32,
    is_ended: bool,
}

impl<'a> MemberStream<'a> {
    /// Begins at the member's first byte. `name` is for findings.
    pub(super) fn new(
        file: &'a PackFile,
        inflater: &'a mut Inflater,
        location: &MemberLocation,
        name: &'a str,
    ) -> Self {
        inflater.decompress.reset(false);
        Self {
            file,
            inflater,
            location: *location,
            name,
            read_bytes: 0,
            waiting: (0, 0),
            size_bytes: 0,
            crc32: Crc32::new(),
            is_ended: false,
        }
    }

    /// Returns the next bytes, at least 1 and at most `most`; none at the end, once all is checked.
    pub(super) fn next_bytes(&mut self, most: usize) -> Result<Result<&[u8], Finding>> {
        while !self.is_ended {
            let filled = match self.location.method {
                Method::Stored => self.copy(most)?,
                Method::Deflate => match self.inflate(most)? {
                    Ok(filled) => filled,
                    Err(finding) => return Ok(Err(finding)),
                },
            };
            let total = self.size_bytes.saturating_add(bytes_of(filled));
            if total > self.location.size_bytes {
                let detail = format!(
                    "it unpacks to more than the {} bytes that its headers say",
                    self.location.size_bytes
                );
                return Ok(Err(self.finding(Rule::MemberBytes, detail)));
            }
            self.size_bytes = total;
            let bytes = self.inflater.unpacked.get(..filled).unwrap_or_default();
            self.crc32.update(bytes);
            if filled > 0 {
                return Ok(Ok(self.inflater.unpacked.get(..filled).unwrap_or_default()));
            }
        }
        Ok(self.check_end().map(|()| &[][..]))
    }

    /// Returns whether the data came to its own end, whatever the headers promise.
    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns how many packed bytes were unpacked so far.
    pub(super) fn packed_bytes(&self) -> u64 {
        let waiting = bytes_of(self.waiting.1.saturating_sub(self.waiting.0));
        self.read_bytes.saturating_sub(waiting)
    }

    /// Returns how many bytes were given so far.
    pub(super) const fn unpacked_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the CRC-32 of the bytes that were given so far.
    pub(super) fn crc32(&self) -> u32 {
        self.crc32.clone().finalize()
    }

    /// Room for what is still promised and one byte more, which tells that there is more.
    fn room(&self) -> usize {
        let left = self.location.size_bytes.saturating_sub(self.size_bytes);
        let room = usize::try_from(left).unwrap_or(usize::MAX);
        room.saturating_add(1).min(BUFFER_BYTES)
    }

    fn packed_left(&self) -> usize {
        let left = self
            .location
            .compressed_bytes
            .saturating_sub(self.read_bytes);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Copies stored bytes.
    fn copy(&mut self, most: usize) -> Result<usize> {
        let wanted = self.packed_left().min(BUFFER_BYTES).min(most);
        let offset = self.location.data_offset.saturating_add(self.read_bytes);
        let target = self.inflater.unpacked.get_mut(..wanted).unwrap_or_default();
        self.file.read_exact_at(target, offset)?;
        self.read_bytes = self.read_bytes.saturating_add(bytes_of(wanted));
        self.is_ended = self.packed_left() == 0;
        Ok(wanted)
    }

    /// Unpacks some bytes, perhaps none, and reads more where all is unpacked.
    fn inflate(&mut self, most: usize) -> Result<Result<usize, Finding>> {
        if self.waiting.0 == self.waiting.1 {
            let wanted = self.packed_left().min(BUFFER_BYTES);
            let offset = self.location.data_offset.saturating_add(self.read_bytes);
            let target = self.inflater.packed.get_mut(..wanted).unwrap_or_default();
            self.file.read_exact_at(target, offset)?;
            self.read_bytes = self.read_bytes.saturating_add(bytes_of(wanted));
            self.waiting = (0, wanted);
        }
        let room = self.room().min(most);
        let Inflater {
            decompress,
            packed,
            unpacked,
        } = &mut *self.inflater;
        let input = packed
            .get(self.waiting.0..self.waiting.1)
            .unwrap_or_default();
        let output = unpacked.get_mut(..room).unwrap_or_default();
        let before = (decompress.total_in(), decompress.total_out());
        let status = decompress.decompress(input, output, FlushDecompress::None);
        let taken = usize_of(decompress.total_in().saturating_sub(before.0));
        let given = usize_of(decompress.total_out().saturating_sub(before.1));
        self.waiting.0 = self.waiting.0.saturating_add(taken).min(self.waiting.1);
        // There is room for output, so that only a lack of input can stop it.
        let is_stuck = taken == 0 && given == 0;
        match status {
            Ok(Status::StreamEnd) => self.is_ended = true,
            Ok(Status::Ok | Status::BufError) if is_stuck => {
                let detail = "its deflate stream does not end within its compressed bytes";
                return Ok(Err(self.finding(Rule::MemberData, detail.to_owned())));
            }
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => {
                let detail = format!(
                    "its deflate stream is damaged after {} unpacked bytes",
                    self.size_bytes
                );
                return Ok(Err(self.finding(Rule::MemberData, detail)));
            }
        }
        Ok(Ok(given))
    }

    fn check_end(&self) -> Result<(), Finding> {
        let waiting = bytes_of(self.waiting.1.saturating_sub(self.waiting.0));
        let left = waiting.saturating_add(bytes_of(self.packed_left()));
        if left > 0 {
            let detail = format!("{left} compressed bytes follow the end of its deflate stream");
            return Err(self.finding(Rule::MemberData, detail));
        }
        if self.size_bytes != self.location.size_bytes {
            let detail = format!(
                "it unpacks to {} bytes; its headers say {}",
                self.size_bytes, self.location.size_bytes
            );
            return Err(self.finding(Rule::MemberBytes, detail));
        }
        let crc32 = self.crc32.clone().finalize();
        if crc32 != self.location.crc32 {
            let detail = format!(
                "its bytes have CRC-32 {crc32:08x}; its headers say {:08x}",
                self.location.crc32
            );
            return Err(self.finding(Rule::MemberBytes, detail));
        }
        Ok(())
    }

    fn finding(&self, rule: Rule, detail: String) -> Finding {
        Finding::new(rule, self.name, detail)
    }
}

fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn usize_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
