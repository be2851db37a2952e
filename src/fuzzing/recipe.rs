//! Packs that are right in all but what a fuzzer changes: it finds no CRC-32 and no SHA-256 by chance.
//!
//! A recipe is a manifest, then the name and the content of each member, with a byte 0xFF between
//! them. In the manifest `$0` to `$9` stand for the digests of the first ten contents, `$=` for that
//! of the inventory, `#0` to `#9` for their sizes. The member that is named like a manifest gets the
//! manifest as its content.

use std::collections::BTreeMap;

use serde_json::json;

use crate::digest::Digest;
use crate::pack::Place;
use crate::pack::member_name::unescape;

const SEPARATOR: u8 = 0xff;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Returns the pack that a recipe makes, its members stored.
pub(super) fn pack_of(recipe: &[u8]) -> Vec<u8> {
    let mut parts = recipe.split(|byte| *byte == SEPARATOR);
    let template = parts.next().unwrap_or_default();
    let mut members = Vec::new();
    while let Some(name) = parts.next() {
        members.push((name, parts.next().unwrap_or_default()));
    }
    let manifest = filled(template, &members);
    for (name, content) in &mut members {
        if name.ends_with(Place::Flat.manifest_name().as_bytes()) {
            *content = &manifest;
        }
    }
    zip(&members)
}

/// Returns the digest of an inventory whose files, by path, have these digests and sizes.
pub(super) fn inventory_digest<'p>(
    files: impl Iterator<Item = (&'p str, (String, usize))>,
) -> Digest {
    let list: Vec<_> = files
        .map(|(path, (sha256, size))| json!({"path": path, "sha256": sha256, "size": size}))
        .collect();
    Digest::of(json!(list).to_string().as_bytes())
}

fn filled(template: &[u8], members: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut manifest = Vec::new();
    let mut bytes = template.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied().unwrap_or_default();
        let place = char::from(next).to_digit(10);
        let member = place.and_then(|place| members.get(place as usize));
        let value = match (byte, member) {
            (b'$', Some((_, content))) => Digest::of(content).to_string(),
            (b'#', Some((_, content))) => content.len().to_string(),
            (b'$', None) if next == b'=' => inventory_of(members).to_string(),
            _ => {
                manifest.push(byte);
                continue;
            }
        };
        manifest.extend_from_slice(value.as_bytes());
        bytes.next();
    }
    manifest
}

fn inventory_of(members: &[(&[u8], &[u8])]) -> Digest {
    let mut files = BTreeMap::new();
    for (name, content) in members {
        let name = String::from_utf8_lossy(name);
        let (_, below) = name.split_once('/').unwrap_or_default();
        let is_directory = below.is_empty() || below.ends_with('/');
        if !is_directory && below != Place::Flat.manifest_name() {
            let item = (Digest::of(content).to_string(), content.len());
            files.insert(unescape(below), item);
        }
    }
    inventory_digest(files.iter().map(|(path, item)| (&**path, item.clone())))
}

fn zip(members: &[(&[u8], &[u8])]) -> Vec<u8> {
    let (mut pack, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = pack.len();
        let common = header(name, content);
        pack.extend(LOCAL.to_le_bytes());
        pack.extend(&common);
        pack.extend(*name);
        pack.extend(*content);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&common);
        // No comment, disk 0, no attributes.
        directory.extend([0; 10]);
        directory.extend(low_32(offset));
        directory.extend(*name);
    }
    let offset = pack.len();
    pack.extend(&directory);
    pack.extend(END.to_le_bytes());
    pack.extend([0; 4]);
    pack.extend(low_16(members.len()));
    pack.extend(low_16(members.len()));
    pack.extend(low_32(directory.len()));
    pack.extend(low_32(offset));
    pack.extend([0; 2]);
    pack
}

/// The 26 bytes that both headers of a member have: stored, UTF-8, 1980-01-01, no extra field.
fn header(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(20_u16.to_le_bytes());
    bytes.extend(0x0800_u16.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(0x0021_0000_u32.to_le_bytes());
    bytes.extend(crc32fast::hash(content).to_le_bytes());
    bytes.extend(low_32(content.len()));
    bytes.extend(low_32(content.len()));
    bytes.extend(low_16(name.len()));
    bytes.extend([0; 2]);
    bytes
}

/// What a field of 32 bits keeps of a number.
fn low_32(number: usize) -> impl Iterator<Item = u8> {
    number.to_le_bytes().into_iter().take(4)
}

/// What a field of 16 bits keeps of a number.
fn low_16(number: usize) -> impl Iterator<Item = u8> {
    number.to_le_bytes().into_iter().take(2)
}
