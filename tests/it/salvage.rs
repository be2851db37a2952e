//! Salvage: of every damage, exactly the files that it did not touch are recovered.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::ops::{ControlFlow, Range};

use camino::Utf8Path;
use ovpack::{
    Digest, Layout, ManifestState, SalvageOptions, SalvageReport, SalvageState, SalvagedPath,
    VerifyOptions, salvage, verify,
};

use crate::support::pack_builder::{Zip, deflate};
use crate::support::test_store::{get, output};
use crate::support::{
    Content, PackBuilder, TestStore, assert_fails, content, path_of, scratch, tree,
};

/// The packs that are damaged: every layout, large and small, plain and odd names.
const PACKS: [&str; 8] = [
    "v2flat-resources-click",
    "v2flat-names",
    "v2flat-user-memories",
    "v2files-resources-click-vectors",
    "v2files-user-memories",
    "v3-resources-click",
    "v3-names",
    "v3-backup-full",
];

/// Where a member's records are, read from the undamaged pack by another reader.
#[derive(Clone, Debug)]
struct Member {
    /// Below the root; `None` for what is no content.
    path: Option<String>,
    is_manifest: bool,
    is_directory: bool,
    sha256: Digest,
    fixed: Range<usize>,
    name: Range<usize>,
    data: Range<usize>,
    central: usize,
    name_bytes: usize,
}

/// An undamaged pack.
struct Sample {
    bytes: Vec<u8>,
    members: Vec<Member>,
    layout: Layout,
}

impl Sample {
    fn of(name: &str) -> Self {
        let directory = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let layout = match name.split('-').next() {
            Some("v2flat") => Layout::V2Flat,
            Some("v2files") => Layout::V2Files,
            _ => Layout::V3,
        };
        Self::read(get(&directory.join(format!("{name}.ovpack"))), layout)
    }

    fn read(bytes: Vec<u8>, layout: Layout) -> Self {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
        let members = (0..archive.len()).map(|at| {
            let mut member = archive.by_index(at).unwrap();
            let mut text = Vec::new();
            member.read_to_end(&mut text).unwrap();
            let name = member.name().unwrap().into_owned();
            let at = |offset: u64| usize::try_from(offset).unwrap();
            let start = at(member.header_start());
            let data = at(member.data_start().unwrap());
            let (below, is_manifest) = below(&name, layout);
            Member {
                path: below,
                is_manifest,
                is_directory: name.ends_with('/'),
                sha256: Digest::of(&text),
                fixed: start..start + 30,
                name: start + 30..start + 30 + name.len(),
                data: data..data + at(member.compressed_size()),
                central: at(member.central_header_start()),
                name_bytes: name.len(),
            }
        });
        let members = members.collect();
        Self {
            bytes,
            members,
            layout,
        }
    }

    fn files(&self) -> Vec<&Member> {
        let is_file = |member: &&Member| !member.is_directory && member.path.is_some();
        self.members.iter().filter(is_file).collect()
    }

    fn manifest(&self) -> &Member {
        self.members
            .iter()
            .find(|member| member.is_manifest)
            .unwrap()
    }

    /// The files of which a damage touches neither header nor data; the name may be touched.
    fn whole(&self, damage: &[Range<usize>]) -> BTreeMap<String, Digest> {
        let is_whole = |member: &Member| {
            let touches = |part: &Range<usize>| {
                damage
                    .iter()
                    .any(|hit| hit.start < part.end && part.start < hit.end)
            };
            !touches(&member.fixed) && !touches(&member.data)
        };
        let whole = self.files().into_iter().filter(|file| is_whole(file));
        whole
            .map(|file| (file.path.clone().unwrap(), file.sha256))
            .collect()
    }

    /// Those, and the files that have the same bytes as one of them.
    fn known(&self, damage: &[Range<usize>]) -> BTreeMap<String, Digest> {
        let whole = self.whole(damage);
        let digests: BTreeSet<_> = whole.values().map(ToString::to_string).collect();
        let files = self.files().into_iter();
        files
            .filter(|file| digests.contains(&file.sha256.to_string()))
            .map(|file| (file.path.clone().unwrap(), file.sha256))
            .collect()
    }

    fn all(&self) -> BTreeMap<String, Digest> {
        self.whole(&[])
    }

    fn flipped(&self, hits: &[usize]) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes = self.bytes.clone();
        for hit in hits {
            bytes[*hit] ^= 0x04;
        }
        (bytes, hits.iter().map(|hit| *hit..hit + 1).collect())
    }

    fn zeroed(&self, range: Range<usize>) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes = self.bytes.clone();
        bytes[range.clone()].fill(0);
        (bytes, vec![range])
    }

    fn directory_start(&self) -> usize {
        self.members
            .iter()
            .map(|member| member.central)
            .min()
            .unwrap()
    }

    fn end_record(&self) -> usize {
        let end = self
            .bytes
            .windows(4)
            .rposition(|four| four == b"PK\x05\x06");
        end.unwrap()
    }
}

/// Returns the path that a member name stands for, told without the library.
fn below(name: &str, layout: Layout) -> (Option<String>, bool) {
    let (_, below) = name.split_once('/').unwrap();
    let below = below.strip_suffix('/').unwrap_or(below);
    if layout != Layout::V2Flat {
        let path = match below {
            "files" => Some(String::new()),
            _ => below.strip_prefix("files/").map(str::to_owned),
        };
        return (path, below == "_ovpack/manifest.json");
    }
    if below == "_._ovpack_manifest.json" {
        return (None, true);
    }
    let plain = below.split('/').map(|component| {
        let hidden = component.strip_prefix("_._");
        hidden.map_or(component.to_owned(), |rest| format!(".{rest}"))
    });
    (Some(plain.collect::<Vec<_>>().join("/")), false)
}

/// What a salvage came to.
struct Salvaged {
    report: SalvageReport,
    rows: Vec<SalvagedPath>,
    /// What is in the directory.
    files: BTreeMap<String, Digest>,
    held: tempfile::TempDir,
}

impl Salvaged {
    fn in_state(&self, state: SalvageState) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row.state == state);
        rows.map(|row| row.path.as_str()).collect()
    }
}

fn salvaged(bytes: &[u8], options: &SalvageOptions) -> Salvaged {
    let held = scratch();
    let pack = path_of(&held).join("damaged.ovpack");
    std::fs::write(&pack, bytes).unwrap();
    let into = path_of(&held).join("saved");
    let mut rows = Vec::new();
    let done = salvage(&pack, &into, options).unwrap();
    done.each_path(&mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    })
    .unwrap();
    let report = done.report;
    let files = content(&tree(&into)).into_iter();
    let files: BTreeMap<_, _> = files
        .filter_map(|(path, content)| match content {
            Content::File { sha256, .. } => Some((path, sha256)),
            Content::Directory => None,
            Content::Other(what) => panic!("{path}: {what}"),
        })
        .collect();
    let told: BTreeMap<_, _> = rows
        .iter()
        .filter(|row| matches!(row.state, SalvageState::Saved | SalvageState::Unverified))
        .map(|row| (row.path.clone(), row.sha256.unwrap()))
        .collect();
    assert_eq!(files, told, "what is told is what is there");
    let counted = [
        (report.saved, SalvageState::Saved),
        (report.unverified, SalvageState::Unverified),
        (report.damaged, SalvageState::Damaged),
        (report.missing, SalvageState::Missing),
        (report.extra, SalvageState::Extra),
    ];
    for (count, state) in counted {
        let rows = rows.iter().filter(|row| row.state == state).count();
        assert_eq!(count, rows as u64, "{state:?}");
    }
    assert_eq!(
        std::fs::read(&pack).unwrap(),
        bytes,
        "the pack is only read"
    );
    Salvaged {
        report,
        rows,
        files,
        held,
    }
}

fn verified(bytes: &[u8]) -> Salvaged {
    salvaged(bytes, &SalvageOptions::default())
}

fn unverified(bytes: &[u8]) -> Salvaged {
    let options = SalvageOptions {
        unverified: true,
        ..SalvageOptions::default()
    };
    salvaged(bytes, &options)
}

/// Damages one pack and asserts that exactly what is whole is saved, under its own name, verified.
#[track_caller]
fn assert_exact(what: &str, sample: &Sample, (bytes, damage): (Vec<u8>, Vec<Range<usize>>)) {
    let found = verified(&bytes);
    assert_eq!(found.report.manifest, ManifestState::Whole, "{what}");
    assert_eq!(found.files, sample.known(&damage), "{what}");
    let lost: Vec<_> = sample
        .all()
        .into_keys()
        .filter(|path| !found.files.contains_key(path))
        .collect();
    let mut told = found.in_state(SalvageState::Damaged);
    told.extend(found.in_state(SalvageState::Missing));
    told.sort_unstable();
    assert_eq!(told, lost, "{what}: what is not saved is told");
    assert_eq!(found.report.is_complete, lost.is_empty(), "{what}");
}

#[test]
fn a_pack_that_is_whole_is_saved_as_a_whole() {
    for name in PACKS {
        let sample = Sample::of(name);
        let found = verified(&sample.bytes);
        assert_eq!(found.files, sample.all(), "{name}");
        assert!(found.report.is_complete, "{name}");
        assert_eq!(found.report.layout, sample.layout, "{name}");
        assert_eq!(found.report.extra, 0, "{name}: {:?}", found.rows);
    }
}

#[test]
fn of_a_pack_that_is_cut_every_file_before_the_cut_is_saved() {
    for name in PACKS {
        let sample = Sample::of(name);
        for tenth in 1..10 {
            let what = format!("{name} cut at {tenth}0 %");
            let cut = sample.bytes.len() * tenth / 10;
            let damage = [Range {
                start: cut,
                end: sample.bytes.len(),
            }];
            let found = unverified(&sample.bytes[..cut]);
            if sample.manifest().data.end <= cut {
                assert_eq!(found.report.manifest, ManifestState::Whole, "{what}");
                assert_eq!(found.files, sample.known(&damage), "{what}");
                continue;
            }
            assert_ne!(found.report.manifest, ManifestState::Whole, "{what}");
            let whole = sample.whole(&damage);
            assert_eq!(found.files, whole, "{what}");
            assert!(!found.report.is_complete, "{what}");
        }
    }
}

#[test]
fn without_a_manifest_nothing_is_saved_unless_it_is_asked_for() {
    let sample = Sample::of("v2flat-resources-click");
    let found = verified(&sample.bytes[..sample.bytes.len() / 2]);
    assert_eq!(found.files, BTreeMap::new());
    assert_eq!(found.report.manifest, ManifestState::Lost);
    assert!(found.report.extra > 3, "{:?}", found.report);
}

#[test]
fn a_flipped_bit_in_data_costs_that_file_alone() {
    for name in PACKS {
        let sample = Sample::of(name);
        let files = sample.files();
        for nth in [0, files.len() / 3, files.len() * 2 / 3, files.len() - 1] {
            let file = files[nth];
            if !file.data.is_empty() {
                let hit = file.data.start + file.data.len() / 2;
                let what = format!("{name}: {:?}", file.path);
                assert_exact(&what, &sample, sample.flipped(&[hit]));
            }
        }
    }
}

#[test]
fn flipped_bits_in_names_are_healed_by_the_digest() {
    for name in PACKS {
        let sample = Sample::of(name);
        for nth in [1, sample.files().len() - 1] {
            let file = sample.files()[nth].clone();
            let (local, central) = (file.name.end - 1, file.central + 46 + file.name_bytes - 1);
            for (which, hits) in [
                ("local", vec![local]),
                ("central", vec![central]),
                ("both", vec![local, central]),
            ] {
                let what = format!("{name}: the {which} name of {:?}", file.path);
                let (bytes, damage) = sample.flipped(&hits);
                assert_eq!(sample.known(&damage), sample.all(), "a name is no data");
                assert_exact(&what, &sample, (bytes, damage));
            }
        }
    }
}

#[test]
fn a_name_that_is_known_by_its_bytes_alone_is_told_as_renamed() {
    let pack = PackBuilder::of("viking://resources/notes")
        .file("a.md", "one")
        .file("b.md", "two");
    let sample = Sample::read(pack.bytes(), Layout::V2Flat);
    let file = sample.files()[0].clone();
    let hits = [file.name.end - 1, file.central + 46 + file.name_bytes - 1];
    let found = verified(&sample.flipped(&hits).0);
    let hows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (&*row.path, row.how.as_deref()))
        .collect();
    assert_eq!(hows, [("a.md", Some("renamed")), ("b.md", Some("named"))]);
    assert!(found.report.is_complete);
}

#[test]
fn a_file_is_saved_from_another_one_with_the_same_bytes() {
    let pack = PackBuilder::of("viking://resources/notes")
        .file("a.md", "the same text")
        .file("b.md", "the same text");
    let sample = Sample::read(pack.bytes(), Layout::V2Flat);
    let hit = sample.files()[0].data.start;
    let found = verified(&sample.flipped(&[hit]).0);
    let hows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (&*row.path, row.how.as_deref()))
        .collect();
    assert_eq!(hows, [("a.md", Some("copied")), ("b.md", Some("named"))]);
}

#[test]
fn a_damaged_directory_costs_nothing() {
    for name in PACKS {
        let sample = Sample::of(name);
        let (start, end) = (sample.directory_start(), sample.end_record());
        let third = sample.files()[2].central;
        for (what, damaged) in [
            ("a signature", sample.flipped(&[third])),
            ("a method", sample.flipped(&[third + 10])),
            ("a CRC-32", sample.flipped(&[third + 16])),
            ("a compressed size", sample.flipped(&[third + 20])),
            ("a size", sample.flipped(&[third + 24])),
            ("the length of a name", sample.flipped(&[third + 28])),
            ("an offset", sample.flipped(&[third + 42])),
            ("all of it zeroed", sample.zeroed(start..end)),
            ("the end record's signature", sample.flipped(&[end])),
            ("the end record's count", sample.flipped(&[end + 10])),
            ("the end record's offset", sample.flipped(&[end + 16])),
            (
                "the end record zeroed",
                sample.zeroed(end..sample.bytes.len()),
            ),
            (
                "directory and end record zeroed",
                sample.zeroed(start..sample.bytes.len()),
            ),
        ] {
            assert_exact(&format!("{name}: {what}"), &sample, damaged);
        }
    }
}

#[test]
fn a_damaged_local_header_is_made_good_by_the_directory() {
    for name in PACKS {
        let sample = Sample::of(name);
        let file = sample.files()[1].clone();
        // The last: both lengths, which tell where the data begins.
        for at in [0, 6, 8, 14, 18, 22, 26] {
            let (bytes, _) = sample.flipped(&[file.fixed.start + at]);
            let found = verified(&bytes);
            assert_eq!(
                found.files,
                sample.all(),
                "{name}: byte {at} of a local header"
            );
        }
    }
}

#[test]
fn zeroed_blocks_cost_the_files_that_they_touch() {
    for name in PACKS {
        let sample = Sample::of(name);
        let content_end = sample.manifest().fixed.start;
        for tenth in 0..10 {
            let start = content_end * tenth / 10;
            let range = start..(start + 512).min(content_end);
            let (bytes, damage) = sample.zeroed(range);
            let found = verified(&bytes);
            let what = format!("{name}: block at {start}");
            assert_eq!(found.report.manifest, ManifestState::Whole, "{what}");
            for (path, sha256) in sample.known(&damage) {
                assert_eq!(found.files.get(&path), Some(&sha256), "{what}: {path}");
            }
            // A damaged local header costs nothing as long as the directory tells of it.
            for (path, sha256) in &found.files {
                assert_eq!(sample.all().get(path), Some(sha256), "{what}: {path}");
            }
        }
    }
}

#[test]
fn of_a_pack_with_a_damaged_manifest_every_file_is_saved_unverified() {
    for name in PACKS {
        let sample = Sample::of(name);
        let manifest = sample.manifest().clone();
        let (start, length) = (manifest.data.start, manifest.data.len());
        for (what, (bytes, _)) in [
            ("its first byte", sample.flipped(&[start])),
            ("a bit at a quarter", sample.flipped(&[start + length / 4])),
            ("a bit in the middle", sample.flipped(&[start + length / 2])),
            (
                "a bit at three quarters",
                sample.flipped(&[start + length / 4 * 3]),
            ),
            (
                "its first half zeroed",
                sample.zeroed(start..start + length / 2),
            ),
            ("all of it zeroed", sample.zeroed(start..manifest.data.end)),
        ] {
            let what = format!("{name}: {what}");
            let found = unverified(&bytes);
            assert_ne!(found.report.manifest, ManifestState::Whole, "{what}");
            assert!(!found.report.is_complete, "{what}");
            for (path, sha256) in sample.all() {
                assert_eq!(found.files.get(&path), Some(&sha256), "{what}: {path}");
            }
            // What a damaged manifest names otherwise has the bytes of a file all the same.
            let known: BTreeSet<_> = sample.all().values().map(ToString::to_string).collect();
            for (path, sha256) in &found.files {
                assert!(known.contains(&sha256.to_string()), "{what}: {path}");
            }
        }
    }
}

#[test]
fn a_manifest_that_is_damaged_behind_some_entries_vouches_for_those() {
    let mut pack = PackBuilder::of("viking://resources/notes");
    for number in 0..50 {
        pack = pack.file(&format!("{number:02}.md"), format!("note {number}"));
    }
    let sample = Sample::read(pack.bytes(), Layout::V2Flat);
    let manifest = sample.manifest().clone();
    let text = &sample.bytes[manifest.data.clone()];
    let needle = b"25.md\"";
    let at = text
        .windows(needle.len())
        .position(|six| six == needle)
        .unwrap();
    // The quote that ends the name.
    let (bytes, _) = sample.flipped(&[manifest.data.start + at + 5]);
    let found = verified(&bytes);
    assert_eq!(found.report.manifest, ManifestState::Partial);
    let saved = found.in_state(SalvageState::Saved).len();
    assert!((20..=30).contains(&saved), "{saved}");
    assert_eq!(found.in_state(SalvageState::Extra).len(), 50 - saved);
    let all = unverified(&bytes);
    assert_eq!(all.files, sample.all());
    assert_eq!(all.report.saved, saved as u64);
}

#[test]
fn what_stands_before_and_behind_a_pack_costs_nothing() {
    for name in PACKS {
        let sample = Sample::of(name);
        for (before, behind) in [(1_000, 0), (0, 100_000), (70_001, 70_001)] {
            let mut bytes = vec![b'#'; before];
            bytes.extend(&sample.bytes);
            bytes.extend(vec![b'P'; behind]);
            let what = format!("{name}: {before} bytes before, {behind} behind");
            assert_exact(&what, &sample, (bytes, Vec::new()));
        }
    }
}

#[test]
fn of_two_packs_in_one_file_the_first_is_saved_and_the_second_told() {
    let (first, second) = (Sample::of("v2flat-user-memories"), Sample::of("v3-names"));
    let found = verified(&[first.bytes.clone(), second.bytes.clone()].concat());
    assert_eq!(found.files, first.all());
    assert!(found.report.is_complete);
    let strange = second.files().len() as u64;
    assert!(found.report.extra >= strange, "{:?}", found.report);

    let twice = verified(&[first.bytes.clone(), first.bytes.clone()].concat());
    assert_eq!(twice.files, first.all());
    let is_copy = |row: &&SalvagedPath| row.why.as_deref() == Some("a second copy");
    let copies = twice.rows.iter().filter(is_copy).count();
    assert_eq!(copies, first.files().len(), "{:?}", twice.rows);

    // What the first has lost, the second has.
    let hit = first.files()[0].data.start;
    let both = [first.flipped(&[hit]).0, first.bytes.clone()].concat();
    assert_eq!(verified(&both).files, first.all());
}

#[test]
fn a_pack_in_a_pack_is_content() {
    let inner = Sample::of("v2flat-user-memories");
    let pack = PackBuilder::of("viking://resources/notes")
        .file("inner.ovpack", &inner.bytes)
        .file("z.md", "behind it");
    let sample = Sample::read(pack.bytes(), Layout::V2Flat);
    let found = verified(&sample.bytes);
    assert_eq!(found.files, sample.all());
    assert_eq!(found.report.extra, 0, "{:?}", found.rows);
    // Damaged, it is still not the pack that is salvaged.
    let hit = sample.files()[0].data.start + inner.files()[0].data.start;
    let damaged = verified(&sample.flipped(&[hit]).0);
    assert_eq!(
        damaged.report.uri.as_deref(),
        Some("viking://resources/notes")
    );
    assert_eq!(damaged.files.keys().collect::<Vec<_>>(), ["z.md"]);
}

#[test]
fn a_streamed_pack_that_is_cut_is_read_up_to_the_cut() {
    let text = "much the same text, again and again. ".repeat(200);
    let change = |zip: &mut Zip| {
        for name in ["notes/a.md", "notes/b.md"] {
            let member = zip.member(name);
            member.deflated();
            member.with_descriptor(true);
        }
    };
    let pack = PackBuilder::of("viking://resources/notes")
        .file("a.md", &text)
        .file("b.md", text.to_uppercase());
    let bytes = pack.zip(change).bytes();
    let packed = deflate(text.to_uppercase().as_bytes());
    let b = bytes
        .windows(packed.len())
        .position(|part| part == packed)
        .unwrap();
    let found = unverified(&bytes[..b + packed.len() / 2]);
    let known = BTreeMap::from([("a.md".to_owned(), Digest::of(text.as_bytes()))]);
    assert_eq!(found.files, known);
    assert_eq!(found.in_state(SalvageState::Damaged), ["b.md"]);
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let change = |zip: &mut Zip| {
        let mut evil = zip.member("notes/a.md").clone();
        for name in [
            "notes/../../evil",
            "../evil",
            "/tmp/evil",
            "notes/_._./evil",
        ] {
            evil.both(|header| header.name = name.as_bytes().to_vec());
            zip.members.insert(0, evil.clone());
        }
        zip.members
            .retain(|member| !member.local.name.ends_with(b"manifest.json"));
    };
    let pack = PackBuilder::of("viking://resources/notes").file("a.md", "text");
    let found = unverified(&pack.zip(change).bytes());
    assert_eq!(found.files.keys().collect::<Vec<_>>(), ["a.md"]);
    let mut beside: Vec<_> = found
        .held
        .path()
        .read_dir()
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    beside.sort_by_key(std::fs::DirEntry::file_name);
    let names: Vec<_> = beside.iter().map(std::fs::DirEntry::file_name).collect();
    assert_eq!(names, ["damaged.ovpack", "saved"]);
}

#[test]
fn the_new_pack_passes_verify_and_holds_what_was_saved() {
    for name in PACKS {
        let sample = Sample::of(name);
        let file = sample.files()[1].clone();
        let (bytes, damage) = sample.flipped(&[file.data.start + file.data.len() / 2]);
        let held = scratch();
        let out = path_of(&held).join("new.ovpack");
        let options = SalvageOptions {
            pack: Some(out.clone()),
            ..SalvageOptions::default()
        };
        let found = salvaged(&bytes, &options);
        let report = verify(&out, &VerifyOptions::default()).unwrap();
        assert_eq!(report.layout, sample.layout, "{name}");
        assert_eq!(Some(report.uri), found.report.uri, "{name}");
        let again = Sample::read(get(&out), sample.layout);
        assert_eq!(again.all(), sample.known(&damage), "{name}");
        let directories = |sample: &Sample| {
            let found = sample.members.iter().filter(|member| member.is_directory);
            found
                .filter_map(|member| member.path.clone())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(directories(&again), directories(&sample), "{name}");
    }
}

#[test]
fn a_new_pack_needs_a_root_and_a_free_name() {
    let sample = Sample::of("v2flat-resources-click");
    let held = scratch();
    let at = |name: &str| path_of(&held).join(name);
    let pack = at("cut.ovpack");
    std::fs::write(&pack, &sample.bytes[..sample.bytes.len() / 2]).unwrap();
    let mut options = SalvageOptions {
        unverified: true,
        pack: Some(at("new.ovpack")),
        ..SalvageOptions::default()
    };
    let error = salvage(&pack, &at("saved"), &options);
    assert_fails(error, "invalid-argument", 2);
    assert!(!at("saved").exists(), "nothing is made");

    options.uri = Some("viking://resources/click".parse().unwrap());
    let report = salvage(&pack, &at("saved"), &options).unwrap().report;
    let written = verify(&at("new.ovpack"), &VerifyOptions::default()).unwrap();
    assert_eq!(written.files, report.unverified);
    assert!(written.files > 0);

    let error = salvage(&pack, &at("other"), &options);
    assert_fails(error, "output-exists", 4);
    assert!(!at("other").exists(), "nothing is made");
}

#[test]
fn the_directory_must_be_empty_and_in_no_store() {
    let sample = Sample::of("v2flat-names");
    let store = TestStore::fresh();
    let pack = store.beside("x.ovpack");
    std::fs::write(&pack, &sample.bytes).unwrap();
    let before = tree(&store.path);
    let options = SalvageOptions::default();
    for (into, code, exit) in [
        (store.path.clone(), "invalid-argument", 2),
        (store.at("resources/new"), "invalid-argument", 2),
        (store.path.join(".ovpack/new/deep"), "invalid-argument", 2),
        (
            store.path.parent().unwrap().to_owned(),
            "directory-not-empty",
            4,
        ),
    ] {
        assert_fails(salvage(&pack, &into, &options), code, exit);
    }
    assert_eq!(tree(&store.path), before);
    let empty = store.beside("empty");
    std::fs::create_dir(&empty).unwrap();
    let report = salvage(&pack, &empty, &options).unwrap().report;
    assert!(report.is_complete);
    assert!(empty.join(".config").is_dir(), "what was hidden is hidden");
}

#[test]
fn what_would_go_past_a_limit_is_told_as_damaged() {
    let pack = PackBuilder::of("viking://resources/notes")
        .file("a.md", "small")
        .file("b.md", vec![b'x'; 1 << 20]);
    let mut options = SalvageOptions::default();
    options.limits.unpacked_bytes = Some(100_000);
    let found = salvaged(&pack.bytes(), &options);
    assert_eq!(found.files.keys().collect::<Vec<_>>(), ["a.md"]);
    assert_eq!(found.in_state(SalvageState::Damaged), ["b.md"]);
    let why = found.rows.iter().find_map(|row| row.why.clone()).unwrap();
    assert!(why.contains("limits"), "{why}");
    assert!(!found.report.is_complete);
    options.limits.unpacked_bytes = None;
    options.limits.members = 1;
    let held = scratch();
    let path = path_of(&held).join("x.ovpack");
    std::fs::write(&path, Sample::of("v2flat-names").bytes).unwrap();
    let error = salvage(&path, &path_of(&held).join("saved"), &options);
    assert_fails(error, "too-many-members", 10);
}

#[test]
fn the_program_tells_each_file_and_ends_with_10_unless_all_is_saved() {
    let sample = Sample::of("v2flat-resources-click");
    let held = scratch();
    let at = |name: &str| path_of(&held).join(name);
    let hit = sample.files()[0].data.start + 3;
    std::fs::write(at("x.ovpack"), sample.flipped(&[hit]).0).unwrap();
    std::fs::write(at("whole.ovpack"), &sample.bytes).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ovpack"));
        command.current_dir(held.path()).env_clear().args(arguments);
        output(command)
    };
    let text = run(&["salvage", "x.ovpack", "--into", "a"]);
    assert_eq!(text.code, Some(10), "{text:?}");
    assert!(
        text.stdout.contains("damaged     .abstract.md  ("),
        "{text:?}"
    );
    assert!(text.stdout.contains("saved       README.md\n"), "{text:?}");
    assert!(text.stderr.contains("1 damaged, 0 missing"), "{text:?}");

    let json = run(&[
        "--json",
        "salvage",
        "x.ovpack",
        "--into",
        "b",
        "--pack",
        "new.ovpack",
    ]);
    assert_eq!((json.code, json.stderr.as_str()), (Some(10), ""));
    let answer: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["result"]["is_complete"], false);
    assert_eq!(answer["result"]["damaged"], 1);
    let files = answer["result"]["files"].as_array().unwrap();
    assert_eq!(files.len(), sample.files().len());
    assert_eq!(files[0]["state"], "damaged");
    assert!(at("new.ovpack").is_file());

    let whole = run(&["salvage", "whole.ovpack", "--into", "c"]);
    assert_eq!(whole.code, Some(0), "{whole:?}");
}
