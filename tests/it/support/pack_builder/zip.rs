//! A ZIP archive as a value: every field of every record can be set apart from all others.

use std::io::Write as _;

/// What a member's header says; the local and the central one are two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) packed_size: u32,
    pub(crate) size: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) version_needed: u16,
    pub(crate) time: u32,
}

/// A member: two headers, data between them and what may stand around it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) local: Header,
    pub(crate) central: Header,
    pub(crate) data: Vec<u8>,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    pub(crate) disk: u16,
    pub(crate) comment: Vec<u8>,
    /// Bytes before the local header.
    pub(crate) gap: Vec<u8>,
    /// Bytes after the data: a data descriptor, if any.
    pub(crate) descriptor: Vec<u8>,
    /// What the central directory says of the place; `None` for the truth.
    pub(crate) offset: Option<u32>,
    /// Whether the central directory lists it.
    pub(crate) is_listed: bool,
    /// Whether its local part is written.
    pub(crate) is_present: bool,
}

/// The end of the archive; `None` is the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) members_here: Option<u16>,
    pub(crate) members: Option<u16>,
    pub(crate) directory_size: Option<u32>,
    pub(crate) directory_offset: Option<u32>,
    pub(crate) comment: Vec<u8>,
    pub(crate) comment_len: Option<u16>,
}

/// The Zip64 end record and its locator; `None` is the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zip64 {
    pub(crate) record_size: Option<u64>,
    pub(crate) disk: u32,
    pub(crate) directory_disk: u32,
    pub(crate) members_here: Option<u64>,
    pub(crate) members: Option<u64>,
    pub(crate) directory_size: Option<u64>,
    pub(crate) directory_offset: Option<u64>,
    /// The rest of the record: what the format calls its extensible data.
    pub(crate) data: Vec<u8>,
    /// Bytes between the record and its locator.
    pub(crate) between: Vec<u8>,
    pub(crate) record_disk: u32,
    pub(crate) record_offset: Option<u64>,
    pub(crate) disks: Option<u32>,
    /// Whether the record is left out, and only its locator is written.
    pub(crate) is_locator_alone: bool,
    /// Whether the locator is left out, and only the record is written.
    pub(crate) is_record_alone: bool,
}

/// A whole archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zip {
    /// Bytes before the first member.
    pub(crate) prefix: Vec<u8>,
    pub(crate) members: Vec<Member>,
    /// Bytes between the last member and the central directory.
    pub(crate) before_directory: Vec<u8>,
    /// Whether a Zip64 end record and locator are written.
    pub(crate) is_zip64: bool,
    pub(crate) zip64: Zip64,
    /// Bytes between the central directory (or the Zip64 locator) and the end record.
    pub(crate) before_end: Vec<u8>,
    pub(crate) end: End,
    /// Bytes after the end record.
    pub(crate) suffix: Vec<u8>,
}

impl Member {
    /// Makes a member of stored bytes.
    pub(crate) fn stored(name: &[u8], bytes: &[u8]) -> Self {
        let size = u32::try_from(bytes.len()).unwrap();
        let header = Header {
            name: name.to_vec(),
            flags: 1 << 11,
            method: 0,
            crc32: crc32fast::hash(bytes),
            packed_size: size,
            size,
            extra: Vec::new(),
            version_needed: 20,
            time: 0x0021_0000,
        };
        Self {
            local: header.clone(),
            central: header,
            data: bytes.to_vec(),
            made_by: 0x0314,
            attributes: 0o100_644 << 16,
            disk: 0,
            comment: Vec::new(),
            gap: Vec::new(),
            descriptor: Vec::new(),
            offset: None,
            is_listed: true,
            is_present: true,
        }
    }

    /// Makes a directory member; `name` ends in a slash.
    pub(crate) fn directory(name: &str) -> Self {
        let mut member = Self::stored(name.as_bytes(), b"");
        member.attributes = 0o040_755 << 16 | 0x10;
        member
    }

    /// Changes both headers alike.
    pub(crate) fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }

    /// Puts other packed bytes in, with headers that agree.
    pub(crate) fn pack(&mut self, method: u16, packed: Vec<u8>) {
        let packed_size = u32::try_from(packed.len()).unwrap();
        self.both(|header| (header.method, header.packed_size) = (method, packed_size));
        self.data = packed;
    }

    /// Deflates what is stored.
    pub(crate) fn deflated(&mut self) {
        let packed = deflate(&self.data);
        self.pack(8, packed);
    }

    /// Moves size and CRC-32 of the local header into a data descriptor after the data.
    pub(crate) fn with_descriptor(&mut self, is_signed: bool) {
        self.both(|header| header.flags |= 1 << 3);
        (self.local.crc32, self.local.packed_size, self.local.size) = (0, 0, 0);
        let values = [
            self.central.crc32,
            self.central.packed_size,
            self.central.size,
        ];
        let signature = [0x0807_4b50];
        let signature = if is_signed { &signature[..] } else { &[] };
        let fields = signature.iter().chain(&values);
        self.descriptor = fields.flat_map(|field| field.to_le_bytes()).collect();
    }
}

impl Zip {
    /// Finds a member by its whole name.
    #[track_caller]
    pub(crate) fn member(&mut self, name: &str) -> &mut Member {
        let found = self
            .members
            .iter_mut()
            .find(|member| member.central.name == name.as_bytes());
        found.unwrap_or_else(|| panic!("{name:?} is a member"))
    }

    /// Returns the archive's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut offsets = Vec::new();
        for member in &self.members {
            out.extend(&member.gap);
            offsets.push(u32::try_from(out.len()).unwrap());
            if member.is_present {
                local(&mut out, member);
            }
        }
        out.extend(&self.before_directory);
        let directory_offset = out.len();
        let mut listed = 0_u64;
        for (member, offset) in self.members.iter().zip(offsets) {
            if member.is_listed {
                central(&mut out, member, member.offset.unwrap_or(offset));
                listed += 1;
            }
        }
        let directory_size = out.len() - directory_offset;
        if self.is_zip64 {
            zip64_end(
                &mut out,
                &self.zip64,
                listed,
                directory_size as u64,
                directory_offset as u64,
            );
        }
        out.extend(&self.before_end);
        end(
            &mut out,
            &self.end,
            listed,
            directory_size,
            directory_offset,
        );
        out.extend(&self.suffix);
        out
    }
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

fn header(out: &mut Vec<u8>, header: &Header) {
    put16(out, &[header.version_needed, header.flags, header.method]);
    put32(
        out,
        &[header.time, header.crc32, header.packed_size, header.size],
    );
    put16(out, &[length(&header.name), length(&header.extra)]);
}

fn local(out: &mut Vec<u8>, member: &Member) {
    put32(out, &[0x0403_4b50]);
    header(out, &member.local);
    out.extend(&member.local.name);
    out.extend(&member.local.extra);
    out.extend(&member.data);
    out.extend(&member.descriptor);
}

fn central(out: &mut Vec<u8>, member: &Member, offset: u32) {
    put32(out, &[0x0201_4b50]);
    put16(out, &[member.made_by]);
    header(out, &member.central);
    put16(out, &[length(&member.comment), member.disk, 0]);
    put32(out, &[member.attributes, offset]);
    out.extend(&member.central.name);
    out.extend(&member.central.extra);
    out.extend(&member.comment);
}

fn zip64_end(
    out: &mut Vec<u8>,
    zip64: &Zip64,
    members: u64,
    directory_size: u64,
    directory_offset: u64,
) {
    let at = out.len() as u64;
    if !zip64.is_locator_alone {
        put32(out, &[0x0606_4b50]);
        let rest = 44 + zip64.data.len() as u64;
        put64(out, &[zip64.record_size.unwrap_or(rest)]);
        put16(out, &[0x032d, 0x2d]);
        put32(out, &[zip64.disk, zip64.directory_disk]);
        put64(
            out,
            &[
                zip64.members_here.unwrap_or(members),
                zip64.members.unwrap_or(members),
                zip64.directory_size.unwrap_or(directory_size),
                zip64.directory_offset.unwrap_or(directory_offset),
            ],
        );
        out.extend(&zip64.data);
    }
    if !zip64.is_record_alone {
        out.extend(&zip64.between);
        put32(out, &[0x0706_4b50, zip64.record_disk]);
        put64(out, &[zip64.record_offset.unwrap_or(at)]);
        put32(out, &[zip64.disks.unwrap_or(1)]);
    }
}

fn end(out: &mut Vec<u8>, end: &End, members: u64, directory_size: usize, directory_offset: usize) {
    let members = u16::try_from(members).unwrap();
    put32(out, &[0x0605_4b50]);
    put16(
        out,
        &[
            end.disk,
            end.directory_disk,
            end.members_here.unwrap_or(members),
            end.members.unwrap_or(members),
        ],
    );
    put32(
        out,
        &[
            end.directory_size
                .unwrap_or_else(|| u32::try_from(directory_size).unwrap()),
            end.directory_offset
                .unwrap_or_else(|| u32::try_from(directory_offset).unwrap()),
        ],
    );
    put16(
        out,
        &[end.comment_len.unwrap_or_else(|| length(&end.comment))],
    );
    out.extend(&end.comment);
}

/// Returns a whole deflate stream of `bytes`.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns an extra field.
pub(crate) fn extra_field(id: u16, data: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    put16(&mut field, &[id, length(data)]);
    field.extend(data);
    field
}

/// Returns the extra field that names a member again, with the CRC-32 of the name that it replaces.
pub(crate) fn unicode_path(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut data = vec![1];
    put32(&mut data, &[crc32fast::hash(old)]);
    data.extend(new);
    extra_field(0x7075, &data)
}

/// Returns the extra field that holds the values of more than 32 bits.
pub(crate) fn zip64_field(values: &[u64]) -> Vec<u8> {
    let mut data = Vec::new();
    put64(&mut data, values);
    extra_field(1, &data)
}
