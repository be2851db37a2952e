//! Writes a pack: members in the order in which they are given, then the central directory.
//!
//! ```text
//! local header | data      a member that fits in memory is written when it is known
//! ------------ | ....      a larger one is written as it is compressed; its header is patched then,
//!                          and where it did not shrink it is cut off and written again, stored
//! central directory        kept in a scratch database until here
//! end records
//! ```
//!
//! Sizes stand in the local headers and there are no data descriptors: a reader need not guess
//! where a member ends. The bytes depend on names, content and level alone, not on the threads that
//! compressed them. The digest of the file is made as it is written; only members that were patched
//! are read back for it.

use rusqlite::{Connection, params};

use super::deflater::{Deflated, Sample, WHOLE_BYTES};
use super::member::MemberLocation;
use super::streaming::{Ended, Streaming, Tools};
use super::workers::{Buffers, Effort, Workers};
use super::zip_records::{DEFLATED, Member, STORED, end_records};
use crate::db::{self, DatabaseContext as _};
use crate::digest::{Digest, Hasher};
use crate::error::Result;
use crate::fsops::{Dir, OutputFile, SteadyFile};

/// Bytes of the central directory that make one row, and bytes that are read back at once.
const PIECE_BYTES: usize = 256 << 10;

const SCHEMA: &str = include_str!("../../schema/central_directory.sql");

/// Takes some of a member's bytes.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;
/// Gives all of a member's bytes, from the beginning each time that it is called (twice for a large
/// member that does not shrink); returns whether they can be relied on.
pub(crate) type Produce<'a> = &'a mut dyn FnMut(Take<'_>) -> Result<bool>;

/// A pack in the making; dropping it removes what was written.
#[derive(Debug)]
pub(crate) struct PackWriter {
    output: OutputFile,
    /// Has all bytes up to the last complete member.
    hasher: Hasher,
    workers: Workers,
    buffers: Buffers,
    /// Kept from one member to the next.
    content: Vec<u8>,
    /// Whether large members may be compressed.
    compresses: bool,
    directory: CentralDirectory,
    unpacked_bytes: u64,
}

impl PackWriter {
    /// Begins a pack that will be `name` in `dir`, in a temporary file there.
    pub(crate) fn create(dir: Dir, name: &str, effort: Effort) -> Result<Self> {
        Ok(Self {
            output: OutputFile::create(dir, name)?,
            hasher: Hasher::default(),
            workers: Workers::new(effort),
            buffers: Buffers::default(),
            content: Vec::new(),
            compresses: effort.level.get() > 0,
            directory: CentralDirectory::new()?,
            unpacked_bytes: 0,
        })
    }

    /// Returns the unpacked bytes of all members so far.
    pub(crate) const fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// Returns the bytes of the pack so far.
    pub(crate) fn packed_bytes(&self) -> u64 {
        self.output.position()
    }

    /// Returns the threads that pack, and the buffers that go to them.
    pub(crate) const fn workshop(&mut self) -> (&mut Workers, &mut Buffers) {
        (&mut self.workers, &mut self.buffers)
    }

    /// Adds a directory; `name` ends with a slash.
    pub(crate) fn directory(&mut self, name: &str) -> Result<()> {
        let member = Member {
            is_directory: true,
            method: STORED,
            ..self.unknown(name, 0)
        };
        self.append(&member.local_header())?;
        self.complete(&member)
    }

    /// Adds a file that was packed: what `packed` says stands in `bytes`.
    pub(crate) fn packed(
        &mut self,
        name: &str,
        size_bytes: u64,
        crc32: u32,
        packed: Deflated,
        bytes: &[u8],
    ) -> Result<()> {
        let member = Member {
            method: packed.method,
            crc32,
            compressed_bytes: bytes.len() as u64,
            size_bytes,
            ..self.unknown(name, size_bytes)
        };
        self.append(&member.local_header())?;
        self.append(bytes)?;
        self.complete(&member)
    }

    /// Adds a file of at most `most_bytes`. Returns whether it was added: `false` where `produce`
    /// said that its bytes cannot be relied on, or gave more of them, or others the second time;
    /// then the pack is as it was before.
    pub(crate) fn file(
        &mut self,
        name: &str,
        most_bytes: u64,
        produce: Produce<'_>,
    ) -> Result<bool> {
        let is_stored = !self.compresses;
        self.stream(name, most_bytes, is_stored, produce)
    }

    /// Adds a live file as [`file`](Self::file) does, of which a sample is taken where it is large.
    pub(crate) fn live_file(
        &mut self,
        name: &str,
        file: &mut SteadyFile,
        produce: &mut dyn FnMut(&mut SteadyFile, Take<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let size_bytes = file.stat().size_bytes;
        let mut is_stored = !self.compresses;
        if !is_stored && size_bytes > WHOLE_BYTES as u64 {
            let mut sample = Sample::new();
            for (part, offset) in sample.parts(size_bytes) {
                file.read_part(offset, part)?;
            }
            is_stored = !self.workers.here().is_worth_while(&sample);
        }
        self.stream(name, size_bytes, is_stored, &mut |take| produce(file, take))
    }

    fn stream(
        &mut self,
        name: &str,
        most_bytes: u64,
        is_stored: bool,
        produce: Produce<'_>,
    ) -> Result<bool> {
        let unknown = self.unknown(name, most_bytes);
        let tools = Tools {
            output: &mut self.output,
            workers: &mut self.workers,
            buffers: &mut self.buffers,
            content: &mut self.content,
        };
        let mut streaming = Streaming::begin(tools, unknown, is_stored);
        let is_steady = produce(&mut |bytes| streaming.take(bytes))?;
        let is_added = match streaming.finish()? {
            Ended::TooLarge => false,
            _ if !is_steady => false,
            Ended::Whole(member) => self.add_whole(&member).map(|()| true)?,
            Ended::Written(member) => self.add_written(member, produce)?,
        };
        if !is_added {
            self.output.cut(unknown.offset)?;
        }
        Ok(is_added)
    }

    /// Returns a file at the end of the pack, of which no more is known.
    fn unknown<'n>(&self, name: &'n str, most_bytes: u64) -> Member<'n> {
        Member {
            name,
            is_directory: false,
            method: DEFLATED,
            crc32: 0,
            compressed_bytes: 0,
            size_bytes: 0,
            most_bytes,
            offset: self.output.position(),
        }
    }

    /// Adds a file whose packed bytes another pack has; `produce` gives them, as they are. They must
    /// be what `packed` says, whose offsets mean nothing here.
    pub(crate) fn copy(
        &mut self,
        name: &str,
        packed: &MemberLocation,
        produce: &mut dyn FnMut(Take<'_>) -> Result<()>,
    ) -> Result<()> {
        let member = Member {
            method: packed.method.code(),
            crc32: packed.crc32,
            compressed_bytes: packed.compressed_bytes,
            size_bytes: packed.size_bytes,
            ..self.unknown(name, packed.size_bytes.max(packed.compressed_bytes))
        };
        self.append(&member.local_header())?;
        produce(&mut |bytes| self.append(bytes))?;
        self.complete(&member)
    }

    /// Adds a file that is in the content.
    fn add_whole(&mut self, member: &Member<'_>) -> Result<()> {
        let mut room = self.buffers.take_anyway(self.content.len());
        let packed = self.workers.here().whole(&self.content, &mut room);
        let bytes = room.get(..packed.packed_bytes).unwrap_or_default();
        let member = Member {
            method: packed.method,
            compressed_bytes: bytes.len() as u64,
            ..*member
        };
        append(&mut self.output, &mut self.hasher, &member.local_header())?;
        append(&mut self.output, &mut self.hasher, bytes)?;
        self.buffers.give(room);
        self.complete(&member)
    }

    /// Adds a file whose data is in the output already.
    fn add_written(&mut self, member: Member<'_>, produce: Produce<'_>) -> Result<bool> {
        let mut member = member;
        if member.method == DEFLATED && member.compressed_bytes >= member.size_bytes {
            member.method = STORED;
            member.compressed_bytes = member.size_bytes;
            self.output.cut(member.offset)?;
            if !self.store(&member, produce)? {
                return Ok(false);
            }
        } else {
            self.output.patch(member.offset, &member.local_header())?;
        }
        self.hash_back(member.offset)?;
        self.complete(&member).map(|()| true)
    }

    /// Writes a file as it is; returns whether it still has the bytes that its header promises.
    fn store(&mut self, member: &Member<'_>, produce: Produce<'_>) -> Result<bool> {
        self.output.append(&member.local_header())?;
        let (mut crc, mut size_bytes) = (crc32fast::Hasher::new(), 0_u64);
        let is_steady = produce(&mut |bytes| {
            crc.update(bytes);
            size_bytes = size_bytes.saturating_add(bytes.len() as u64);
            if size_bytes > member.size_bytes {
                return Ok(());
            }
            self.output.append(bytes)
        })?;
        Ok(is_steady && size_bytes == member.size_bytes && crc.finalize() == member.crc32)
    }

    /// Adds bytes that are final.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        append(&mut self.output, &mut self.hasher, bytes)
    }

    /// Takes bytes into the digest that were written before they were final.
    fn hash_back(&mut self, offset: u64) -> Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        let hasher = &mut self.hasher;
        self.output
            .read_back(offset, &mut buffer, &mut |bytes| hasher.update(bytes))
    }

    fn complete(&mut self, member: &Member<'_>) -> Result<()> {
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(member.size_bytes);
        self.directory.add(member)
    }

    /// Writes what stands behind the members; after it [`packed_bytes`](Self::packed_bytes) is the
    /// size of the file.
    pub(crate) fn close(&mut self) -> Result<()> {
        let offset = self.output.position();
        let (output, hasher) = (&mut self.output, &mut self.hasher);
        self.directory
            .each_piece(&mut |piece| append(output, hasher, piece))?;
        let bytes = self.output.position().saturating_sub(offset);
        self.append(&end_records(self.directory.members, bytes, offset))
    }

    /// Gives the closed pack its name and returns the digest of the file; durable when this returns.
    ///
    /// # Errors
    /// As [`OutputFile::publish`].
    pub(crate) fn publish(self, may_replace: bool) -> Result<Digest> {
        self.output.publish(may_replace)?;
        Ok(self.hasher.finish())
    }
}

fn append(output: &mut OutputFile, hasher: &mut Hasher, bytes: &[u8]) -> Result<()> {
    hasher.update(bytes);
    output.append(bytes)
}

/// The central directory so far.
#[derive(Debug)]
struct CentralDirectory {
    connection: Connection,
    piece: Vec<u8>,
    members: u64,
}

impl CentralDirectory {
    fn new() -> Result<Self> {
        Ok(Self {
            connection: db::open_spool(SCHEMA)?,
            piece: Vec::new(),
            members: 0,
        })
    }

    fn add(&mut self, member: &Member<'_>) -> Result<()> {
        self.members = self.members.saturating_add(1);
        self.piece.extend_from_slice(&member.central_header());
        if self.piece.len() >= PIECE_BYTES {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<()> {
        self.connection
            .prepare_cached("INSERT INTO piece (bytes) VALUES (?1)")
            .and_then(|mut statement| statement.execute(params![self.piece]))
            .context("keep the central directory")?;
        self.piece.clear();
        Ok(())
    }

    fn each_piece(&mut self, take: Take<'_>) -> Result<()> {
        self.keep()?;
        let mut statement = self
            .connection
            .prepare("SELECT bytes FROM piece ORDER BY position")
            .context("read the central directory")?;
        let mut rows = statement.query([]).context("read the central directory")?;
        while let Some(row) = rows.next().context("read the central directory")? {
            let piece = row.get_ref(0).and_then(|value| Ok(value.as_blob()?));
            take(piece.context("read the central directory")?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    struct Fixture {
        held: tempfile::TempDir,
        writer: PackWriter,
    }

    fn fixture() -> Fixture {
        let held = tempfile::tempdir().expect("a directory");
        let path = camino::Utf8Path::from_path(held.path()).expect("UTF-8");
        let dir = Dir::open(path).expect("opened");
        let writer = PackWriter::create(dir, "x.ovpack", Effort::default()).expect("begun");
        Fixture { held, writer }
    }

    impl Fixture {
        /// Adds a file that is given in pieces.
        fn file(&mut self, name: &str, content: &[u8], piece_bytes: usize) {
            let most = content.len() as u64;
            let added = self.writer.file(name, most, &mut |take| {
                content.chunks(piece_bytes).try_for_each(&mut *take)?;
                Ok(true)
            });
            assert!(added.expect("written"), "{name}");
        }

        fn publish(mut self) -> (tempfile::TempDir, Utf8PathBuf) {
            self.writer.close().expect("closed");
            let bytes = self.writer.packed_bytes();
            let digest = self.writer.publish(false).expect("published");
            let path = Utf8PathBuf::try_from(self.held.path().join("x.ovpack")).expect("UTF-8");
            assert_eq!(std::fs::metadata(&path).expect("asked").len(), bytes);
            let mut hasher = Hasher::default();
            let mut file = std::fs::File::open(&path).expect("opened");
            let mut buffer = vec![0; 1 << 20];
            loop {
                match std::io::Read::read(&mut file, &mut buffer).expect("read") {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
            assert_eq!(hasher.finish(), digest);
            (self.held, path)
        }
    }

    fn names(path: &Utf8PathBuf) -> Vec<String> {
        let file = std::fs::File::open(path).expect("opened");
        let mut zip = zip::ZipArchive::new(file).expect("a ZIP");
        let members = zip.len();
        let name = |index| {
            zip.by_index(index)
                .expect("a member")
                .name()
                .expect("a name")
                .into_owned()
        };
        (0..members).map(name).collect()
    }

    /// Bytes that do not shrink, and bytes that shrink to half.
    fn contents() -> [Vec<u8>; 2] {
        let mut seed = 7_u64;
        let noise: Vec<_> = (0..5 << 20)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed.to_be_bytes()[0]
            })
            .collect();
        let half = noise.iter().flat_map(|byte| [*byte, b'x']).collect();
        [noise, half]
    }

    #[test]
    fn the_pieces_in_which_content_comes_do_not_show() {
        let [_, content] = contents();
        let packs = [1_000, 65_536, 300_000, usize::MAX].map(|piece_bytes| {
            let mut fixture = fixture();
            fixture.file("r/a", &content, piece_bytes);
            let (_held, path) = fixture.publish();
            Digest::of(&std::fs::read(path).expect("read"))
        });
        assert_eq!(packs, [packs[0]; 4]);
    }

    #[test]
    fn a_file_that_cannot_be_relied_on_leaves_no_trace() {
        let contents = contents();
        let expected = {
            let mut fixture = fixture();
            fixture.file("r/a", b"aaaaaaaaaaaaaaaaaaaaaaaaaa", 3);
            fixture.file("r/b", b"b", 1);
            let (_held, path) = fixture.publish();
            std::fs::read(path).expect("read")
        };
        let mut fixture = fixture();
        fixture.file("r/a", b"aaaaaaaaaaaaaaaaaaaaaaaaaa", 3);
        for content in &contents {
            for most in [content.len() as u64, content.len() as u64 - 1] {
                let mut times = 0;
                let added = fixture.writer.file("r/changing", most, &mut |take| {
                    times += 1;
                    take(content)?;
                    // The second time is only asked for where it did not shrink.
                    Ok(times == 2)
                });
                assert!(!added.expect("tried"));
            }
        }
        let mut first = true;
        let added = fixture
            .writer
            .file("r/changing", contents[0].len() as u64, &mut |take| {
                let content = if first {
                    &contents[0]
                } else {
                    &contents[1][..contents[0].len()]
                };
                first = false;
                take(content)?;
                Ok(true)
            });
        assert!(!added.expect("tried"), "other bytes the second time");
        fixture.file("r/b", b"b", 1);
        let (_held, path) = fixture.publish();
        assert_eq!(std::fs::read(path).expect("read"), expected);
    }

    #[test]
    fn more_members_than_a_plain_end_record_holds_are_read_back() {
        for members in [65_535, 65_536] {
            let mut fixture = fixture();
            fixture.writer.directory("r/").expect("written");
            for number in 1..members {
                fixture.file(&format!("r/{number}"), b"x", 1);
            }
            let (_held, path) = fixture.publish();
            let names = names(&path);
            assert_eq!(names.len(), members);
            assert_eq!(names.last(), Some(&format!("r/{}", members - 1)));
            let program = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); sys.exit(len(z.namelist()) != int(sys.argv[2]))";
            let python = std::process::Command::new("python3")
                .args(["-c", program, path.as_str(), &members.to_string()])
                .status();
            assert!(python.map_or(true, |status| status.success()), "{members}");
        }
    }

    #[test]
    #[ignore = "writes and reads more than 8 GiB"]
    fn members_and_offsets_of_more_than_four_gibibytes_are_read_back() {
        let mut fixture = fixture();
        let [noise, half] = contents();
        for (name, content) in [("r/noise", noise), ("r/half", half)] {
            let times = (1 << 32) / content.len() + 1;
            let most = (content.len() * times) as u64;
            let added = fixture.writer.file(name, most, &mut |take| {
                (0..times).try_for_each(|_| take(&content))?;
                Ok(true)
            });
            assert!(added.expect("written"));
        }
        fixture.file("r/z", b"zzzzzzzzzzzzzzzzzzzz", 1);
        let (_held, path) = fixture.publish();
        assert_eq!(names(&path), ["r/noise", "r/half", "r/z"]);
        for (program, arguments) in [
            ("unzip", &["-tqq"][..]),
            (
                "python3",
                &[
                    "-c",
                    "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)",
                ],
            ),
        ] {
            let status = std::process::Command::new(program)
                .args(arguments)
                .arg(&path)
                .status();
            assert!(status.map_or(true, |status| status.success()), "{program}");
        }
    }
}
