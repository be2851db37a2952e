//! Runs: the pieces of work into which the reading of a pack's files is cut.

use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::pack::reader::MemberLocation;

/// Unpacked bytes of a run beyond which it takes no more files.
const RUN_BYTES: u64 = 256 << 10;
/// Most files of a run: what is told of them is in memory at once.
const RUN_FILES: usize = 64;
/// Files from which on a run takes none of another directory: two workers should not make files in the
/// same one, and handing over a run costs as much as making a file.
const RUN_FILES_ENOUGH: usize = 32;

/// One file to be read.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) path: EntryPath,
    pub(super) location: MemberLocation,
    /// What the manifest says of its bytes.
    pub(super) claimed: Option<Digest>,
    /// Whether its bytes go anywhere.
    pub(super) is_taken: bool,
}

/// Files that follow one another in the pack, of one directory or of some small ones, or one large file:
/// what one worker does at a time. The small ones share a descriptor of their directory and a read of
/// the pack.
#[derive(Debug)]
pub(super) struct Run {
    /// Its place among all runs. Of several errors that of the first run is told.
    pub(super) ordinal: u64,
    pub(super) jobs: Vec<Job>,
}

/// Puts files together to runs, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Runs {
    open: Vec<Job>,
    open_bytes: u64,
    given: u64,
}

impl Runs {
    /// Takes a file; gives the run that it does not fit into any more.
    pub(super) fn add(&mut self, job: Job, give: &mut dyn FnMut(Run) -> Result<()>) -> Result<()> {
        let bytes = job.location.size_bytes.max(job.location.compressed_bytes);
        let is_apart = self.open.last().is_some_and(|last| {
            self.open.len() >= RUN_FILES
                || self.open_bytes.saturating_add(bytes) > RUN_BYTES
                || (self.open.len() >= RUN_FILES_ENOUGH
                    && directory_of(&last.path) != directory_of(&job.path))
        });
        if is_apart {
            self.close(give)?;
        }
        self.open_bytes = self.open_bytes.saturating_add(bytes);
        self.open.push(job);
        Ok(())
    }

    /// Gives the last run.
    pub(super) fn close(&mut self, give: &mut dyn FnMut(Run) -> Result<()>) -> Result<()> {
        let jobs = std::mem::take(&mut self.open);
        self.open_bytes = 0;
        if jobs.is_empty() {
            return Ok(());
        }
        let ordinal = self.given;
        self.given = ordinal.saturating_add(1);
        give(Run { ordinal, jobs })
    }
}

fn directory_of(path: &EntryPath) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::reader::Method;

    fn runs_of(files: &[(&str, u64)]) -> Vec<Vec<String>> {
        let mut runs = Runs::default();
        let mut given = Vec::new();
        let mut give = |run: Run| {
            assert_eq!(run.ordinal, given.len() as u64);
            let names = run.jobs.iter().map(|job| job.path.to_string());
            given.push(names.collect::<Vec<_>>());
            Ok(())
        };
        for (path, bytes) in files {
            let location = MemberLocation {
                header_offset: 0,
                data_offset: 0,
                compressed_bytes: 1,
                size_bytes: *bytes,
                crc32: 0,
                method: Method::Stored,
            };
            let job = Job {
                path: EntryPath::parse(path).expect("a path"),
                location,
                claimed: None,
                is_taken: true,
            };
            runs.add(job, &mut give).expect("taken");
        }
        runs.close(&mut give).expect("taken");
        given
    }

    #[test]
    fn a_run_is_bounded_and_ends_with_a_directory_once_it_is_long() {
        let files = [
            ("a", 1),
            ("b", 1),
            ("d/a", 1),
            ("d/b", RUN_BYTES),
            ("d/c", 1),
            ("d/d", RUN_BYTES - 1),
            ("d/e", 1),
        ];
        let expected: [&[&str]; 4] = [&["a", "b", "d/a"], &["d/b"], &["d/c", "d/d"], &["d/e"]];
        assert_eq!(runs_of(&files), expected);
        assert_eq!(runs_of(&[]), Vec::<Vec<String>>::new());
        let many = vec![("x", 0); 2 * RUN_FILES + 1];
        let lengths =
            |files: &[(&str, u64)]| -> Vec<_> { runs_of(files).iter().map(Vec::len).collect() };
        assert_eq!(lengths(&many), [RUN_FILES, RUN_FILES, 1]);
        let directories = ["a/x", "b/x", "c/x"]
            .map(|path| vec![(path, 0); 20])
            .concat();
        assert_eq!(lengths(&directories), [40, 20]);
    }
}
