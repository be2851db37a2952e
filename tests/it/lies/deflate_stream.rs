//! Data that is not what the headers say: streams that do not end, end too early, or mean other
//! bytes.

use super::{Lie, honest, lie, member, sized};
use crate::support::pack_builder::{Header, Member, deflate};

/// What `notes/a.md` holds.
const PROMISED: &[u8] = b"as promised";

/// The member `notes/a.md` with these packed bytes; headers and manifest say what they said.
fn packed(name: &'static str, code: &'static str, packed: impl AsRef<[u8]>) -> Lie {
    let packed = packed.as_ref().to_vec();
    member(name, code, move |member| member.pack(8, packed))
}

/// The member `notes/a.md`, deflated, with headers that say something else of it, and a manifest that
/// says this size.
fn deflated(
    name: &'static str,
    code: &'static str,
    size: u64,
    change: impl Fn(&mut Header) + 'static,
) -> Lie {
    let change = move |member: &mut Member| {
        member.deflated();
        member.both(change);
    };
    lie(name, code, sized(size).member("a.md", change)).says(&["a.md"])
}

/// A stored block of a deflate stream.
fn block(is_last: bool, bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    let mut block = vec![u8::from(is_last)];
    block.extend(len.to_le_bytes());
    block.extend((!len).to_le_bytes());
    block.extend(bytes);
    block
}

fn after(stream: &[u8], more: &[u8]) -> Vec<u8> {
    [stream, more].concat()
}

pub(super) fn lies() -> Vec<Lie> {
    [streams(), contents()].into_iter().flatten().collect()
}

fn streams() -> Vec<Lie> {
    let code = "member-data";
    let honest = deflate(PROMISED);
    let mut flipped_length = block(true, PROMISED);
    flipped_length[3] ^= 1;
    vec![
        packed("a byte after the final block", code, after(&honest, &[0])),
        packed("a second stream", code, after(&honest, &deflate(b"more"))),
        packed(
            "a member after the final block",
            code,
            after(&honest, b"PK\x03\x04\x14\0"),
        ),
        packed(
            "a stream without its last byte",
            code,
            &honest[..honest.len() - 1],
        ),
        packed("half a stream", code, &honest[..honest.len() / 2]),
        packed("no stream", code, []),
        packed("a reserved block type", code, [0x07, 0, 0, 0]),
        packed("nothing but ones", code, [0xff; 13]),
        packed("no final block", code, block(false, PROMISED)),
        packed(
            "a final block that is cut",
            code,
            after(&block(false, PROMISED), &[1, 0, 0]),
        ),
        packed(
            "a stored block whose lengths disagree",
            code,
            flipped_length,
        ),
        packed(
            "a stored block that is longer than its bytes",
            code,
            &block(true, PROMISED)[..14],
        ),
        // Fixed Huffman codes: a match of length 3 at distance 1, before anything was written.
        packed("a distance before the start", code, [0x03, 0x02, 0x00]),
        // Dynamic Huffman codes whose code lengths are all zero.
        packed(
            "a code that has no symbols",
            code,
            [0x05, 0, 0, 0, 0, 0, 0, 0],
        ),
        packed("a zlib stream", code, after(&[0x78, 0x9c], &honest)),
        packed(
            "a gzip stream",
            code,
            after(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &honest),
        ),
        packed("stored bytes that are called deflated", code, PROMISED),
    ]
}

fn contents() -> Vec<Lie> {
    let code = "member-bytes";
    vec![
        packed(
            "a stream of more bytes",
            code,
            deflate(b"as promised, and more"),
        )
        .says(&["11"]),
        packed("a stream of fewer bytes", code, deflate(b"as prom")).says(&["7", "11"]),
        packed("a stream of no bytes", code, deflate(b"")).says(&["0", "11"]),
        packed("a stream of other bytes", code, deflate(b"as PROMISED")),
        packed(
            "a bit of a stored block in a stream",
            code,
            block(true, b"as promisee"),
        ),
        packed("empty blocks and then other bytes", code, {
            after(&block(false, b"").repeat(20), &block(true, b"as Promised"))
        }),
        member("a bit of stored bytes", code, |member| {
            member.data[3] ^= 0x20
        }),
        member("another CRC-32 in both headers", code, |member| {
            member.both(|header| header.crc32 ^= 0x0100_0000);
        }),
        member("a CRC-32 of zero in both headers", code, |member| {
            member.both(|header| header.crc32 = 0);
        }),
        member("the CRC-32 of the packed bytes", code, |member| {
            member.deflated();
            let crc32 = crc32fast::hash(&member.data);
            member.both(|header| header.crc32 = crc32);
        }),
        deflated(
            "deflated bytes that are called stored",
            code,
            13,
            |header| {
                (header.method, header.size) = (0, header.packed_size);
            },
        ),
        deflated("one byte more than the stream holds", code, 12, |header| {
            header.size = 12
        })
        .says(&["11", "12"]),
        deflated("one byte less than the stream holds", code, 10, |header| {
            header.size = 10
        })
        .says(&["10"]),
        deflated("no bytes where the stream holds some", code, 0, |header| {
            header.size = 0
        })
        .says(&["0"]),
        deflated(
            "one byte more than the manifest says",
            "file-size",
            11,
            |header| {
                header.size = 12;
            },
        )
        .says(&["11", "12"]),
        member("stored in two sizes", "member-header", |member| {
            member.both(|header| header.size += 1);
        })
        .says(&["11", "12"]),
        lie(
            "other bytes in a manifest",
            code,
            honest().member("_._ovpack_manifest.json", |member| member.data[0] ^= 1),
        ),
        lie(
            "a digest that other bytes have",
            "file-digest",
            honest().forged("a.md", "as PROMISED"),
        )
        .says(&["a.md"]),
        lie(
            "a size that other bytes have",
            "file-size",
            honest().forged("a.md", "as promised!"),
        )
        .says(&["a.md", "11", "12"]),
    ]
}
