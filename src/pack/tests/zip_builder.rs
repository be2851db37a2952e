//! ZIPs made field by field, so that a test can say one thing wrong and all else right.

use std::io::Write as _;

/// What a local and a central header both say.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u32,
    pub(super) crc32: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
    pub(super) name: Vec<u8>,
    pub(super) extra: Vec<u8>,
}

/// A member: what stands in front of it, its two headers, its data and what follows.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Member {
    pub(super) junk: Vec<u8>,
    pub(super) local: Header,
    pub(super) central: Header,
    pub(super) data: Vec<u8>,
    pub(super) descriptor: Vec<u8>,
    pub(super) made_by: u16,
    pub(super) disk: u16,
    pub(super) external: u32,
    pub(super) comment: Vec<u8>,
    /// Instead of where the local header is.
    pub(super) offset: Option<u32>,
    pub(super) is_listed: bool,
}

/// The end record, and what stands before it.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) before: Vec<u8>,
    pub(super) zip64: Option<Zip64End>,
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) on_disk: u16,
    pub(super) members: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_bytes: u16,
    pub(super) comment: Vec<u8>,
}

/// The Zip64 end record and its locator.
#[derive(Clone, Debug)]
pub(super) struct Zip64End {
    pub(super) counted: u64,
    pub(super) disk: u32,
    pub(super) directory_disk: u32,
    pub(super) on_disk: u64,
    pub(super) members: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
    pub(super) extensible: Vec<u8>,
    pub(super) between: Vec<u8>,
    pub(super) locator_disk: u32,
    pub(super) locator_offset: u64,
    pub(super) locator_disks: u32,
}

/// Packs bytes as a raw deflate stream.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(6);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

/// A field of an extra area.
pub(super) fn extra(id: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a short field");
    [&id.to_le_bytes()[..], &length.to_le_bytes(), content].concat()
}

/// A Zip64 field with these values.
pub(super) fn zip64(values: &[u64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    extra(1, &bytes)
}

/// A stored member with both headers right.
pub(super) fn stored(name: &str, content: &[u8]) -> Member {
    let size = u32::try_from(content.len()).expect("a small file");
    let header = Header {
        flags: 0x800,
        method: 0,
        time: 0x0021_0000,
        crc32: crc32fast::hash(content),
        compressed: size,
        size,
        name: name.as_bytes().to_vec(),
        extra: Vec::new(),
    };
    let mode = if name.ends_with('/') {
        0o040_755
    } else {
        0o100_644
    };
    Member {
        junk: Vec::new(),
        local: header.clone(),
        central: header,
        data: content.to_vec(),
        descriptor: Vec::new(),
        made_by: 0x0314,
        disk: 0,
        external: mode << 16,
        comment: Vec::new(),
        offset: None,
        is_listed: true,
    }
}

/// A deflated member with both headers right.
pub(super) fn deflated(name: &str, content: &[u8]) -> Member {
    let mut member = stored(name, content);
    member.data = deflate(content);
    let compressed = u32::try_from(member.data.len()).expect("a small file");
    member.both(|header| {
        header.method = 8;
        header.compressed = compressed;
    });
    member
}

impl Member {
    /// Changes both headers in the same way.
    pub(super) fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }

    /// Puts CRC-32 and sizes behind the data.
    pub(super) fn describe(&mut self, is_signed: bool, is_zip64: bool) {
        self.both(|header| header.flags |= 1 << 3);
        let header = &self.central;
        let mut bytes = Vec::new();
        if is_signed {
            bytes.extend(b"PK\x07\x08");
        }
        bytes.extend(header.crc32.to_le_bytes());
        for size in [header.compressed, header.size] {
            if is_zip64 {
                bytes.extend(u64::from(size).to_le_bytes());
            } else {
                bytes.extend(size.to_le_bytes());
            }
        }
        self.descriptor = bytes;
        (self.local.crc32, self.local.compressed, self.local.size) = (0, 0, 0);
        if is_zip64 {
            (self.local.compressed, self.local.size) = (u32::MAX, u32::MAX);
            self.local.extra.extend(zip64(&[0, 0]));
        }
    }

    fn local_bytes(&self) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04\x14\0".to_vec();
        self.local.put(&mut bytes);
        bytes.extend(&self.local.name);
        bytes.extend(&self.local.extra);
        bytes
    }

    fn central_bytes(&self, offset: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.extend(self.made_by.to_le_bytes());
        bytes.extend(20_u16.to_le_bytes());
        self.central.put(&mut bytes);
        let comment_bytes = u16::try_from(self.comment.len()).expect("a short comment");
        bytes.extend(comment_bytes.to_le_bytes());
        bytes.extend(self.disk.to_le_bytes());
        bytes.extend(0_u16.to_le_bytes());
        bytes.extend(self.external.to_le_bytes());
        bytes.extend(self.offset.unwrap_or(offset).to_le_bytes());
        bytes.extend(&self.central.name);
        bytes.extend(&self.central.extra);
        bytes.extend(&self.comment);
        bytes
    }
}

impl Header {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend(self.time.to_le_bytes());
        bytes.extend(self.crc32.to_le_bytes());
        bytes.extend(self.compressed.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        for part in [&self.name, &self.extra] {
            let length = u16::try_from(part.len()).expect("a short part");
            bytes.extend(length.to_le_bytes());
        }
    }
}

/// Writes members, directory and a right end.
pub(in crate::pack) fn zip(members: &[Member]) -> Vec<u8> {
    zip_with(members, |_| {})
}

/// Writes members, directory and an end that was right before the change.
pub(super) fn zip_with(members: &[Member], change: impl Fn(&mut End)) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let mut listed = 0_u16;
    for member in members {
        bytes.extend(&member.junk);
        let offset = u32::try_from(bytes.len()).expect("a small pack");
        bytes.extend(member.local_bytes());
        bytes.extend(&member.data);
        bytes.extend(&member.descriptor);
        if member.is_listed {
            directory.extend(member.central_bytes(offset));
            listed += 1;
        }
    }
    let mut end = End {
        before: Vec::new(),
        zip64: None,
        disk: 0,
        directory_disk: 0,
        on_disk: listed,
        members: listed,
        directory_bytes: u32::try_from(directory.len()).expect("a small pack"),
        directory_offset: u32::try_from(bytes.len()).expect("a small pack"),
        comment_bytes: 0,
        comment: Vec::new(),
    };
    change(&mut end);
    bytes.extend(directory);
    bytes.extend(&end.before);
    if let Some(zip64) = &end.zip64 {
        zip64.put(&mut bytes);
    }
    bytes.extend(b"PK\x05\x06");
    for value in [end.disk, end.directory_disk, end.on_disk, end.members] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(end.directory_bytes.to_le_bytes());
    bytes.extend(end.directory_offset.to_le_bytes());
    bytes.extend(end.comment_bytes.to_le_bytes());
    bytes.extend(&end.comment);
    bytes
}

impl End {
    /// Adds a right Zip64 end record and locator; the fields of the end record stay.
    pub(super) fn widen(&mut self) {
        let directory_offset = u64::from(self.directory_offset);
        let directory_bytes = u64::from(self.directory_bytes);
        self.zip64 = Some(Zip64End {
            counted: 44,
            disk: 0,
            directory_disk: 0,
            on_disk: self.members.into(),
            members: self.members.into(),
            directory_bytes,
            directory_offset,
            extensible: Vec::new(),
            between: Vec::new(),
            locator_disk: 0,
            locator_offset: directory_offset + directory_bytes,
            locator_disks: 1,
        });
    }

    /// Adds a right Zip64 end record and locator, and sends every field there.
    pub(super) fn widen_all(&mut self) {
        self.widen();
        (self.disk, self.directory_disk) = (u16::MAX, u16::MAX);
        (self.on_disk, self.members) = (u16::MAX, u16::MAX);
        (self.directory_bytes, self.directory_offset) = (u32::MAX, u32::MAX);
    }

    /// Adds a comment.
    pub(super) fn comment(&mut self, comment: &[u8]) {
        self.comment = comment.to_vec();
        self.comment_bytes = u16::try_from(comment.len()).expect("a comment");
    }
}

impl Zip64End {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(b"PK\x06\x06");
        bytes.extend(self.counted.to_le_bytes());
        bytes.extend([45, 3, 45, 0]);
        bytes.extend(self.disk.to_le_bytes());
        bytes.extend(self.directory_disk.to_le_bytes());
        for value in [
            self.on_disk,
            self.members,
            self.directory_bytes,
            self.directory_offset,
        ] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(&self.extensible);
        bytes.extend(&self.between);
        bytes.extend(b"PK\x06\x07");
        bytes.extend(self.locator_disk.to_le_bytes());
        bytes.extend(self.locator_offset.to_le_bytes());
        bytes.extend(self.locator_disks.to_le_bytes());
    }
}

/// A manifest with no entries, which is whole as far as the reader is asked.
pub(super) const MANIFEST: &str = r#"{"kind":"openviking.ovpack","format_version":2,"root":{"name":"r","uri":"viking://resources/r","scope":"resources"},"entries":[],"content_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"}"#;

/// A right pack: the root, a deflated file, a stored file, a directory, the manifest.
pub(in crate::pack) fn pack() -> Vec<Member> {
    pack_of(MANIFEST.as_bytes())
}

/// The members of [`pack`] with another manifest.
pub(super) fn pack_of(manifest: &[u8]) -> Vec<Member> {
    let mut members = vec![
        stored("r/", b""),
        deflated("r/a", &b"hello ".repeat(100)),
        stored("r/b", b"world"),
        deflated("r/c/", b""),
    ];
    members.push(deflated("r/_._ovpack_manifest.json", manifest));
    members
}

/// The files of [`pack`].
pub(super) fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![("a", b"hello ".repeat(100)), ("b", b"world".to_vec())]
}
