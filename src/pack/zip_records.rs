//! The bytes of ZIP records as we write them.
//!
//! Field by field after APPNOTE 6.3.10 (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>),
//! sections 4.3 and 4.5.3. Everything that could tell when, where or by whom a pack was made is a
//! constant: the same content gives the same bytes.

/// Compression method: the bytes as they are.
pub(super) const STORED: u16 = 0;
/// Compression method: deflate.
pub(super) const DEFLATED: u16 = 8;
/// The greatest value of a 32-bit field that is no sentinel is one less.
const SENTINEL_32: u32 = u32::MAX;
/// The greatest number of members that the end record holds; it is a number there, not a sentinel.
const MEMBERS_MAX: u16 = u16::MAX;
/// Version of the specification that deflate and directories need.
const VERSION: u16 = 20;
/// Version of the specification that Zip64 needs.
const VERSION_ZIP64: u16 = 45;
/// Upper byte of `version made by`: external attributes are Unix modes.
const MADE_ON_UNIX: u16 = 3 << 8;
/// Names are UTF-8 (bit 11).
const FLAGS: u16 = 1 << 11;
/// 1980-01-01, the first day that a ZIP can say.
const DATE: u16 = 1 << 5 | 1;
/// Midnight.
const TIME: u16 = 0;
/// `0100644`: a plain file.
const FILE_ATTRIBUTES: u32 = 0o100_644 << 16;
/// `040755`, and the directory bit of DOS, without which some tools take a directory for a file.
const DIRECTORY_ATTRIBUTES: u32 = 0o040_755 << 16 | 0x10;
/// Bytes of a Zip64 end record behind its own size field.
const ZIP64_END_REST_BYTES: u64 = 44;

/// What the two headers of a member say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// Its name, with a slash at the end of a directory's; at most 65,535 bytes.
    pub(super) name: &'a str,
    pub(super) is_directory: bool,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) compressed_bytes: u64,
    pub(super) size_bytes: u64,
    /// What `size_bytes` can be at most, known before it: decides how long the local header is.
    pub(super) most_bytes: u64,
    /// Where its local header is.
    pub(super) offset: u64,
}

impl Member<'_> {
    /// Returns the local header. Its length does not depend on the sizes, so that it can be patched
    /// when they are known; where it says one in Zip64 it says both there, as APPNOTE demands.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let mut zip64 = Zip64::default();
        let (compressed, size) = if self.most_bytes >= SENTINEL_32.into() {
            zip64
                .values
                .extend([self.size_bytes, self.compressed_bytes]);
            (SENTINEL_32, SENTINEL_32)
        } else {
            (plain(self.compressed_bytes), plain(self.size_bytes))
        };
        let mut record = Record::new(*b"PK\x03\x04");
        record.u16(self.version()).u16(FLAGS).u16(self.method);
        record.u16(TIME).u16(DATE).u32(self.crc32);
        record.u32(compressed).u32(size);
        record.names(self.name, &zip64);
        record.0
    }

    /// Returns the record in the central directory; Zip64 holds only what does not fit elsewhere.
    pub(super) fn central_header(&self) -> Vec<u8> {
        let mut zip64 = Zip64::default();
        let size = zip64.field(self.size_bytes);
        let compressed = zip64.field(self.compressed_bytes);
        let offset = zip64.field(self.offset);
        let mut record = Record::new(*b"PK\x01\x02");
        record
            .u16(MADE_ON_UNIX | self.version())
            .u16(self.version());
        record.u16(FLAGS).u16(self.method).u16(TIME).u16(DATE);
        record.u32(self.crc32).u32(compressed).u32(size);
        record.u16(length(self.name.len()));
        record.u16(zip64.field_bytes());
        // No comment, disk 0, no internal attributes.
        record.u16(0).u16(0).u16(0);
        record.u32(if self.is_directory {
            DIRECTORY_ATTRIBUTES
        } else {
            FILE_ATTRIBUTES
        });
        record.u32(offset);
        record.0.extend_from_slice(self.name.as_bytes());
        zip64.append_to(&mut record);
        record.0
    }

    fn version(&self) -> u16 {
        if self.most_bytes.max(self.offset) >= SENTINEL_32.into() {
            VERSION_ZIP64
        } else {
            VERSION
        }
    }
}

/// Returns what stands behind the central directory: the end record, and before it the Zip64 end
/// record and its locator where the members, or the directory's size or offset, do not fit in it.
pub(super) fn end_records(members: u64, directory_bytes: u64, directory_offset: u64) -> Vec<u8> {
    let mut record = Record(Vec::new());
    let sentinel = u64::from(SENTINEL_32);
    let needs_zip64 =
        members > MEMBERS_MAX.into() || directory_bytes >= sentinel || directory_offset >= sentinel;
    if needs_zip64 {
        record.0.extend_from_slice(b"PK\x06\x06");
        record.u64(ZIP64_END_REST_BYTES);
        record.u16(MADE_ON_UNIX | VERSION_ZIP64).u16(VERSION_ZIP64);
        record.u32(0).u32(0);
        record.u64(members).u64(members);
        record.u64(directory_bytes).u64(directory_offset);
        record.0.extend_from_slice(b"PK\x06\x07");
        record.u32(0);
        record.u64(directory_offset.saturating_add(directory_bytes));
        record.u32(1);
    }
    record.0.extend_from_slice(b"PK\x05\x06");
    record.u16(0).u16(0);
    let members = u16::try_from(members).unwrap_or(u16::MAX);
    record.u16(members).u16(members);
    record
        .u32(plain(directory_bytes))
        .u32(plain(directory_offset));
    record.u16(0);
    record.0
}

/// Returns a number as a 32-bit field, or the sentinel where it does not fit.
fn plain(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(SENTINEL_32)
}

/// Returns a length as a 16-bit field. Names are far below that.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// The values of a Zip64 extra field, in the order of the fields that they stand for.
#[derive(Default)]
struct Zip64 {
    values: Vec<u64>,
}

impl Zip64 {
    /// Returns the number for its plain field; one that does not fit there is taken in here.
    fn field(&mut self, number: u64) -> u32 {
        if number >= SENTINEL_32.into() {
            self.values.push(number);
        }
        plain(number)
    }

    /// Returns the bytes of the whole field; 0 where there is none.
    fn field_bytes(&self) -> u16 {
        match self.values.len() {
            0 => 0,
            count => length(4 + 8 * count),
        }
    }

    fn append_to(&self, record: &mut Record) {
        if !self.values.is_empty() {
            record.u16(1).u16(length(8 * self.values.len()));
            for value in &self.values {
                record.u64(*value);
            }
        }
    }
}

/// Little-endian fields, one after the other.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: [u8; 4]) -> Self {
        Self(signature.to_vec())
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// The lengths of name and extra fields, and both themselves, as a local header has them.
    fn names(&mut self, name: &str, zip64: &Zip64) {
        self.u16(length(name.len())).u16(zip64.field_bytes());
        self.0.extend_from_slice(name.as_bytes());
        zip64.append_to(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Member<'_> = Member {
        name: "r/a",
        is_directory: false,
        method: DEFLATED,
        crc32: 0x0403_0201,
        compressed_bytes: 5,
        size_bytes: 7,
        most_bytes: 7,
        offset: 9,
    };

    #[test]
    fn a_small_member_has_plain_fields_only() {
        let local = b"PK\x03\x04\x14\0\0\x08\x08\0\0\0\x21\0\x01\x02\x03\x04\x05\0\0\0\x07\0\0\0\x03\0\0\0r/a";
        assert_eq!(SMALL.local_header(), local);
        let central = b"PK\x01\x02\x14\x03\x14\0\0\x08\x08\0\0\0\x21\0\x01\x02\x03\x04\x05\0\0\0\x07\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\xa4\x81\x09\0\0\0r/a";
        assert_eq!(SMALL.central_header(), central);
    }

    #[test]
    fn a_member_at_the_sentinel_says_its_sizes_in_zip64() {
        let member = Member {
            size_bytes: u64::from(u32::MAX),
            most_bytes: u64::from(u32::MAX),
            ..SMALL
        };
        let local = member.local_header();
        assert_eq!(local[4], 45);
        assert_eq!(local[18..26], [0xff; 8]);
        let zip64 = b"\x01\0\x10\0\xff\xff\xff\xff\0\0\0\0\x05\0\0\0\0\0\0\0";
        assert_eq!(local[33..], zip64[..]);
        let central = member.central_header();
        assert_eq!(central[20..28], *b"\x05\0\0\0\xff\xff\xff\xff");
        assert_eq!(central[49..], *b"\x01\0\x08\0\xff\xff\xff\xff\0\0\0\0");
        let far = Member {
            offset: u64::from(u32::MAX) + 1,
            ..SMALL
        };
        assert_eq!(far.local_header()[4], 45);
        assert_eq!(far.local_header().len(), SMALL.local_header().len());
        assert_eq!(far.central_header()[42..46], [0xff; 4]);
        assert_eq!(
            far.central_header()[49..],
            *b"\x01\0\x08\0\0\0\0\0\x01\0\0\0"
        );
    }

    #[test]
    fn zip64_end_records_are_written_only_where_they_are_needed() {
        let plain = end_records(65_535, 10, 20);
        assert_eq!(
            plain,
            b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\x0a\0\0\0\x14\0\0\0\0\0"
        );
        let many = end_records(65_536, 10, 20);
        assert_eq!(many.len(), 56 + 20 + 22);
        assert_eq!(many[24..32], 65_536_u64.to_le_bytes());
        assert_eq!(many[64..72], 30_u64.to_le_bytes());
        assert_eq!(many[76..], plain[..]);
        for (bytes, offset) in [(u64::from(u32::MAX), 0), (0, u64::from(u32::MAX))] {
            assert_eq!(end_records(1, bytes, offset).len(), 56 + 20 + 22);
        }
        assert_eq!(end_records(1, 0xffff_fffe, 0xffff_fffe).len(), 22);
    }
}
