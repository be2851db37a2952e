//! ZIP records as bytes say them: little-endian fields in the order of APPNOTE 6.3.10
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>). Nothing is judged here.

/// Length of a local header without name and extra fields.
pub(super) const LOCAL_BYTES: usize = 30;
/// Length of a central header without name, extra fields and comment.
pub(super) const CENTRAL_BYTES: usize = 46;
/// Length of an end record without its comment.
pub(super) const END_BYTES: usize = 22;
/// Length of a Zip64 locator.
pub(super) const LOCATOR_BYTES: usize = 20;
/// Length of a Zip64 end record without its extensible part.
pub(super) const ZIP64_END_BYTES: usize = 56;
/// Bytes of a Zip64 end record that its own length field does not count.
pub(super) const ZIP64_END_UNCOUNTED_BYTES: u64 = 12;

/// First four bytes of an end record.
pub(super) const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const CENTRAL_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
const ZIP64_END_SIGNATURE: [u8; 4] = *b"PK\x06\x06";
const DESCRIPTOR_SIGNATURE: [u8; 4] = *b"PK\x07\x08";

/// Takes fields off the front of bytes; `None` once they run out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// Takes two bytes.
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes four bytes.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes eight bytes.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes so many bytes.
    pub(super) fn bytes(&mut self, length: u16) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(first)
    }

    fn signature(&mut self, expected: [u8; 4]) -> Option<()> {
        (self.array::<4>()? == expected).then_some(())
    }
}

/// The end record.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndRecord {
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) members_on_disk: u16,
    pub(super) members: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_bytes: u16,
}

impl EndRecord {
    /// Reads the record at the front of `bytes`; `None` where there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(END_SIGNATURE)?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            members_on_disk: fields.u16()?,
            members: fields.u16()?,
            directory_bytes: fields.u32()?,
            directory_offset: fields.u32()?,
            comment_bytes: fields.u16()?,
        })
    }
}

/// The Zip64 locator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locator {
    pub(super) record_disk: u32,
    pub(super) record_offset: u64,
    pub(super) disks: u32,
}

impl Locator {
    /// Reads the record at the front of `bytes`; `None` where there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(LOCATOR_SIGNATURE)?;
        Some(Self {
            record_disk: fields.u32()?,
            record_offset: fields.u64()?,
            disks: fields.u32()?,
        })
    }
}

/// The Zip64 end record, without its extensible part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zip64End {
    pub(super) counted_bytes: u64,
    pub(super) disk: u32,
    pub(super) directory_disk: u32,
    pub(super) members_on_disk: u64,
    pub(super) members: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
}

impl Zip64End {
    /// Reads the record at the front of `bytes`; `None` where there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(ZIP64_END_SIGNATURE)?;
        let counted_bytes = fields.u64()?;
        let (_made_by, _needed) = (fields.u16()?, fields.u16()?);
        Some(Self {
            counted_bytes,
            disk: fields.u32()?,
            directory_disk: fields.u32()?,
            members_on_disk: fields.u64()?,
            members: fields.u64()?,
            directory_bytes: fields.u64()?,
            directory_offset: fields.u64()?,
        })
    }
}

/// What a local and a central header both say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Common<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) compressed_bytes: u32,
    pub(super) size_bytes: u32,
    pub(super) name: &'a [u8],
    pub(super) extra: &'a [u8],
}

/// A local header.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalHeader<'a> {
    pub(super) common: Common<'a>,
}

impl<'a> LocalHeader<'a> {
    /// Returns the whole header's length as its fixed part at the front of `bytes` says it.
    pub(super) fn length(bytes: &[u8]) -> Option<usize> {
        let mut fields = Fields(bytes);
        fields.signature(LOCAL_SIGNATURE)?;
        let mut fields = Fields(bytes.get(26..LOCAL_BYTES)?);
        Some(LOCAL_BYTES + usize::from(fields.u16()?) + usize::from(fields.u16()?))
    }

    /// Reads the header at the front of `bytes`; `None` where they are too few.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(LOCAL_SIGNATURE)?;
        let _needed = fields.u16()?;
        let (flags, method, _time) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (crc32, compressed_bytes, size_bytes) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name_bytes, extra_bytes) = (fields.u16()?, fields.u16()?);
        Some(Self {
            common: Common {
                flags,
                method,
                crc32,
                compressed_bytes,
                size_bytes,
                name: fields.bytes(name_bytes)?,
                extra: fields.bytes(extra_bytes)?,
            },
        })
    }
}

/// A central header.
#[derive(Clone, Copy, Debug)]
pub(super) struct CentralHeader<'a> {
    pub(super) common: Common<'a>,
    /// The system that made it, the upper byte of "version made by".
    pub(super) host: u8,
    pub(super) disk: u16,
    pub(super) external_attributes: u32,
    pub(super) header_offset: u32,
}

impl<'a> CentralHeader<'a> {
    /// Returns the whole header's length as its fixed part at the front of `bytes` says it.
    pub(super) fn length(bytes: &[u8]) -> Option<usize> {
        let mut fields = Fields(bytes);
        fields.signature(CENTRAL_SIGNATURE)?;
        let mut fields = Fields(bytes.get(28..CENTRAL_BYTES)?);
        let lengths = [fields.u16()?, fields.u16()?, fields.u16()?];
        Some(lengths.into_iter().map(usize::from).sum::<usize>() + CENTRAL_BYTES)
    }

    /// Reads the header at the front of `bytes`; `None` where they are too few.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.signature(CENTRAL_SIGNATURE)?;
        let [_made_by, host] = fields.u16()?.to_le_bytes();
        let _needed = fields.u16()?;
        let (flags, method, _time) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (crc32, compressed_bytes, size_bytes) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name_bytes, extra_bytes, _comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (disk, _internal_attributes) = (fields.u16()?, fields.u16()?);
        let (external_attributes, header_offset) = (fields.u32()?, fields.u32()?);
        Some(Self {
            common: Common {
                flags,
                method,
                crc32,
                compressed_bytes,
                size_bytes,
                name: fields.bytes(name_bytes)?,
                extra: fields.bytes(extra_bytes)?,
            },
            host,
            disk,
            external_attributes,
            header_offset,
        })
    }
}

/// A data descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) crc32: u32,
    pub(super) compressed_bytes: u64,
    pub(super) size_bytes: u64,
}

impl Descriptor {
    /// Most bytes that one takes.
    pub(super) const BYTES_MAX: usize = 24;

    /// Returns how many of the bytes are this descriptor, with its signature or, where that does
    /// not fit, without; `None` where it does not stand there.
    pub(super) fn length_in(&self, bytes: &[u8], is_zip64: bool) -> Option<u64> {
        let sizes = if is_zip64 { 16 } else { 8 };
        let mut signed = Fields(bytes);
        if signed.signature(DESCRIPTOR_SIGNATURE).is_some()
            && Self::parse(signed, is_zip64) == Some(*self)
        {
            return Some(8 + sizes);
        }
        (Self::parse(Fields(bytes), is_zip64) == Some(*self)).then_some(4 + sizes)
    }

    fn parse(mut fields: Fields<'_>, is_zip64: bool) -> Option<Self> {
        let crc32 = fields.u32()?;
        let mut size = || {
            if is_zip64 {
                fields.u64()
            } else {
                fields.u32().map(u64::from)
            }
        };
        Some(Self {
            crc32,
            compressed_bytes: size()?,
            size_bytes: size()?,
        })
    }
}
