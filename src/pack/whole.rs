//! Unpacking a member at once, in memory, by libdeflate: quicker than as a stream, and never the one
//! to say what is wrong. Where it does not prove a member sound, the stream reads it again and
//! decides, so that no finding depends on which of the two ran.
//!
//! libdeflate does not tell where in its input a stream ended, and bytes after the end are an error
//! here. So it is given a gzip file that is made around the member's data:
//!
//! ```text
//! header | a stored block of secret bytes | the member's deflate stream | CRC-32 and length of both
//! ```
//!
//! libdeflate wants the CRC-32 and the length right where the stream ends. A stream that ends before
//! its data does has data of the pack's maker there, who would have to know the CRC-32 of bytes that
//! are drawn anew in each process: a chance of 1 in 2^32 for each member. The same number proves that
//! the unpacked bytes have the CRC-32 that the member's headers say, and that no distance reaches back
//! before the stream's own begin, into the secret.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crc32fast::Hasher as Crc32;
use libdeflater::Decompressor;

/// Bytes of a gzip header without name and time, and of a stored block's header.
const HEADER: [u8; 15] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, //
    0, 16, 0, !16, 0xff,
];
/// Secret bytes.
const SECRET_BYTES: usize = 16;

/// What unpacking at once needs, made once and used for one member after the other.
pub(super) struct Whole {
    decompressor: Decompressor,
    /// Header and secret, and after them what is read at the moment.
    input: Vec<u8>,
    secret_crc32: Crc32,
    output: Vec<u8>,
}

impl Whole {
    /// Draws the secret.
    pub(super) fn new() -> Self {
        let secret = [(); SECRET_BYTES / 8].map(|()| {
            // Keyed by the system's random numbers.
            RandomState::new().build_hasher().finish().to_le_bytes()
        });
        let secret = secret.as_flattened();
        let mut secret_crc32 = Crc32::new();
        secret_crc32.update(secret);
        Self {
            decompressor: Decompressor::new(),
            input: [&HEADER, secret].concat(),
            secret_crc32,
            output: Vec::new(),
        }
    }

    /// Returns the bytes of a deflate stream that fills all of `packed`, where they are `size_bytes`
    /// and have this CRC-32; `None` where that is not so, or not for sure.
    pub(super) fn inflate(
        &mut self,
        packed: &[u8],
        size_bytes: usize,
        crc32: u32,
    ) -> Option<&[u8]> {
        let total = size_bytes.checked_add(SECRET_BYTES)?;
        let promised = Crc32::new_with_initial_len(crc32, u64::try_from(size_bytes).ok()?);
        let mut both = self.secret_crc32.clone();
        both.combine(&promised);
        self.input
            .truncate(HEADER.len().saturating_add(SECRET_BYTES));
        self.input.extend_from_slice(packed);
        self.input.extend(both.finalize().to_le_bytes());
        self.input.extend(u32::try_from(total).ok()?.to_le_bytes());
        if self.output.len() < total {
            self.output.resize(total.checked_next_power_of_two()?, 0);
        }
        let output = self.output.get_mut(..total)?;
        let given = self.decompressor.gzip_decompress(&self.input, output);
        if given != Ok(total) {
            return None;
        }
        self.output.get(SECRET_BYTES..total)
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is not shown.
        f.write_str("Whole")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("written");
        encoder.finish().expect("finished")
    }

    fn read(packed: &[u8], size_bytes: usize, crc32: u32) -> Option<Vec<u8>> {
        let mut whole = Whole::new();
        let read = whole.inflate(packed, size_bytes, crc32);
        read.map(<[u8]>::to_vec)
    }

    #[test]
    fn what_is_sound_is_read_whatever_its_size() {
        let mut whole = Whole::new();
        for size in [0, 1, 100, 65_536, 1 << 20, 7] {
            let content: Vec<u8> = (0..size)
                .map(|at| u8::try_from(at * 31 % 251).expect("small"))
                .collect();
            let crc32 = crc32fast::hash(&content);
            let packed = deflated(&content);
            assert_eq!(whole.inflate(&packed, size, crc32), Some(&content[..]));
        }
    }

    #[test]
    fn what_is_not_sound_for_sure_is_left_to_the_stream() {
        let content = b"some content that is some content".repeat(10);
        let (packed, crc32) = (deflated(&content), crc32fast::hash(&content));
        let size = content.len();
        assert!(read(&packed, size, crc32).is_some());
        assert_eq!(read(&packed, size - 1, crc32), None, "a smaller size");
        assert_eq!(read(&packed, size + 1, crc32), None, "a larger size");
        assert_eq!(read(&packed, size, crc32 ^ 1), None, "another CRC-32");
        assert_eq!(read(&packed[..packed.len() - 1], size, crc32), None, "cut");
        let mut followed = packed.clone();
        followed.push(0);
        assert_eq!(read(&followed, size, crc32), None, "a byte after the end");
        // What gzip without the secret would want to see at the end of the stream.
        let footer = [crc32.to_le_bytes(), 330_u32.to_le_bytes()].concat();
        let forged = [&packed[..], &footer, &footer].concat();
        assert_eq!(read(&forged, size, crc32), None, "a footer of its own");
    }

    #[test]
    fn a_distance_that_reaches_before_the_stream_is_no_content() {
        // A fixed block that copies 3 bytes from 4 before its begin, and ends: what zlib refuses as a
        // distance too far back.
        let packed = [0x03_u8, 0x0e, 0x00];
        for size in 0..32 {
            for crc32 in [0, crc32fast::hash(&[0; 3])] {
                assert_eq!(read(&packed, size, crc32), None, "{size}");
            }
        }
    }
}
