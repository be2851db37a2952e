//! One member whose bytes come in piece by piece.
//!
//! Up to [`WHOLE_BYTES`] they are kept, and packed at the end. Of more the pieces go to the workers,
//! and what becomes of them to the output, behind a header whose values are not known yet.

use std::collections::VecDeque;

use super::deflater::{PIECE_BUFFER_BYTES, PIECE_BYTES, WHOLE_BYTES, WINDOW_BYTES};
use super::workers::{Buffers, Pending, Workers};
use super::zip_records::{Member, STORED};
use crate::error::Result;
use crate::fsops::OutputFile;

/// What a writer has for the members that it makes.
pub(super) struct Tools<'a> {
    pub(super) output: &'a mut OutputFile,
    pub(super) workers: &'a mut Workers,
    pub(super) buffers: &'a mut Buffers,
    /// The content of a member that may turn out to be small.
    pub(super) content: &'a mut Vec<u8>,
}

/// A member whose bytes come in.
pub(super) struct Streaming<'a, 'n> {
    tools: Tools<'a>,
    /// With what is known of it.
    member: Member<'n>,
    crc: crc32fast::Hasher,
    /// Whether its pieces go to the output as they are.
    is_stored: bool,
    is_large: bool,
    filling: Option<Piece>,
    under_way: VecDeque<Pending<Result<Packed>>>,
}

/// A piece that is being filled, with the bytes before it.
struct Piece {
    buffer: Box<[u8]>,
    before_bytes: usize,
    bytes: usize,
}

/// A piece that was compressed.
struct Packed {
    piece: Box<[u8]>,
    room: Box<[u8]>,
    /// How much of the room is taken.
    bytes: usize,
}

/// What a member came to.
pub(super) enum Ended<'n> {
    /// It had more bytes than it could have.
    TooLarge,
    /// All of it is in the content; the member says nothing of how it is packed.
    Whole(Member<'n>),
    /// All of it is in the output, behind a header without values.
    Written(Member<'n>),
}

impl<'a, 'n> Streaming<'a, 'n> {
    /// Begins a member of which nothing but its name, place and greatest size is known.
    pub(super) fn begin(tools: Tools<'a>, member: Member<'n>, is_stored: bool) -> Self {
        tools.content.clear();
        Self {
            tools,
            member,
            crc: crc32fast::Hasher::new(),
            is_stored,
            is_large: false,
            filling: None,
            under_way: VecDeque::new(),
        }
    }

    /// Takes more bytes in; those beyond the greatest size are only counted.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let size_bytes = self.member.size_bytes.saturating_add(bytes.len() as u64);
        self.member.size_bytes = size_bytes;
        if size_bytes > self.member.most_bytes {
            return Ok(());
        }
        self.crc.update(bytes);
        if !self.is_large && size_bytes <= WHOLE_BYTES as u64 {
            self.tools.content.extend_from_slice(bytes);
            return Ok(());
        }
        if !self.is_large {
            self.is_large = true;
            self.tools.output.append(&self.member.local_header())?;
            let content = std::mem::take(self.tools.content);
            self.take_large(&content)?;
            *self.tools.content = content;
        }
        self.take_large(bytes)
    }

    fn take_large(&mut self, bytes: &[u8]) -> Result<()> {
        if self.is_stored {
            return self.tools.output.append(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = match self.filling.take() {
                Some(piece) if piece.bytes < PIECE_BYTES => piece,
                Some(full) => self.next_piece(full)?,
                None => Piece {
                    buffer: self.buffer()?,
                    before_bytes: 0,
                    bytes: 0,
                },
            };
            let piece = self.filling.insert(piece);
            let room = PIECE_BYTES.saturating_sub(piece.bytes);
            let (near, far) = rest.split_at(room.min(rest.len()));
            let at = piece.before_bytes.saturating_add(piece.bytes);
            let free = piece.buffer.get_mut(at..).unwrap_or_default();
            if let Some(free) = free.get_mut(..near.len()) {
                free.copy_from_slice(near);
            }
            piece.bytes = piece.bytes.saturating_add(near.len());
            rest = far;
        }
        Ok(())
    }

    /// Gives a full piece away and begins the next one, which sees its last bytes.
    fn next_piece(&mut self, full: Piece) -> Result<Piece> {
        let mut buffer = self.buffer()?;
        let end = full.before_bytes.saturating_add(full.bytes);
        let last = full.buffer.get(end.saturating_sub(WINDOW_BYTES)..end);
        let last = last.unwrap_or_default();
        if let Some(before) = buffer.get_mut(..last.len()) {
            before.copy_from_slice(last);
        }
        let before_bytes = last.len();
        self.give(full, false)?;
        Ok(Piece {
            buffer,
            before_bytes,
            bytes: 0,
        })
    }

    fn give(&mut self, piece: Piece, is_last: bool) -> Result<()> {
        let mut room = self.buffer()?;
        let Piece {
            buffer,
            before_bytes,
            bytes,
        } = piece;
        self.under_way
            .push_back(self.tools.workers.give(move |deflater| {
                let end = before_bytes.saturating_add(bytes);
                let before = buffer.get(..before_bytes).unwrap_or_default();
                let piece = buffer.get(before_bytes..end).unwrap_or_default();
                let bytes = deflater.piece(before, piece, is_last, &mut room)?;
                Ok(Packed {
                    piece: buffer,
                    room,
                    bytes,
                })
            }));
        Ok(())
    }

    /// Returns a buffer for a piece; where there is none, waits for those that are under way.
    fn buffer(&mut self) -> Result<Box<[u8]>> {
        loop {
            if let Some(buffer) = self.tools.buffers.take(PIECE_BUFFER_BYTES) {
                return Ok(buffer);
            }
            if !self.write_oldest()? {
                return Ok(self.tools.buffers.take_anyway(PIECE_BUFFER_BYTES));
            }
        }
    }

    /// Writes what became of the oldest piece under way; returns whether there was one.
    fn write_oldest(&mut self) -> Result<bool> {
        let Some(oldest) = self.under_way.pop_front() else {
            return Ok(false);
        };
        let Packed { piece, room, bytes } = oldest.wait()??;
        let written = room.get(..bytes).unwrap_or_default();
        self.tools.output.append(written)?;
        let total = self.member.compressed_bytes;
        self.member.compressed_bytes = total.saturating_add(written.len() as u64);
        self.tools.buffers.give(piece);
        self.tools.buffers.give(room);
        Ok(true)
    }

    /// Ends the member.
    pub(super) fn finish(mut self) -> Result<Ended<'n>> {
        if let Some(last) = self.filling.take() {
            self.give(last, true)?;
        }
        while self.write_oldest()? {}
        self.member.crc32 = self.crc.clone().finalize();
        if self.member.size_bytes > self.member.most_bytes {
            return Ok(Ended::TooLarge);
        }
        if !self.is_large {
            return Ok(Ended::Whole(self.member));
        }
        if self.is_stored {
            self.member.method = STORED;
            self.member.compressed_bytes = self.member.size_bytes;
        }
        Ok(Ended::Written(self.member))
    }
}
