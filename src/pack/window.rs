//! A window on a stream: what stands in it can be read as a slice.

use std::io;

/// Bytes of a value that is read as a slice, at most.
const WINDOW_BYTES: usize = 256 << 10;
/// A piece of a stream, of which the beginning is taken while more comes at the end.
pub(super) struct Window<R> {
    source: R,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
    is_ended: bool,
}

impl<R: io::Read> Window<R> {
    /// Allocates the buffer.
    pub(super) fn new(source: R) -> Self {
        Self::of_bytes(source, WINDOW_BYTES)
    }

    pub(super) fn of_bytes(source: R, bytes: usize) -> Self {
        Self {
            source,
            buffer: vec![0; bytes].into_boxed_slice(),
            at: 0,
            filled: 0,
            is_ended: false,
        }
    }

    /// Returns the source; what is in the window is lost.
    pub(super) fn into_inner(self) -> R {
        self.source
    }

    /// Returns the bytes that are there and not taken.
    pub(super) fn waiting(&self) -> &[u8] {
        self.buffer.get(self.at..self.filled).unwrap_or_default()
    }

    /// Returns whether all of the stream is in the window or was taken.
    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Takes bytes that are there.
    pub(super) fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.filled);
    }

    /// Gets more; returns whether there is more, which there is not at the end, or where the window is
    /// full.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.filled = self.filled.saturating_sub(self.at);
            self.at = 0;
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        if self.is_ended || room.is_empty() {
            return Ok(false);
        }
        let count = self.source.read(room)?;
        self.is_ended = count == 0;
        self.filled = self.filled.saturating_add(count);
        Ok(count > 0)
    }
}
