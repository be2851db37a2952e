//! The front of an intake: the pack's directory is audited and its manifest read, beside one another.
//!
//! ```text
//! acting thread: the walk through the directory -> rows <--+
//! one more:      the manifest, unpacked and parsed ========+ bounded
//! ```
//!
//! Records on lines of their own are read the same way, once it is known what the manifest says of them.
//!
//! The audit has the first word: what is wrong with the directory is told whatever the manifest says,
//! and where the manifest is comes from the audit alone in the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::jobs::Jobs;
use crate::pack::manifest::{IndexRecord, ManifestEntry, ManifestHead, ManifestSink};
use crate::pack::reader::{AuditReport, ManifestPlace, Observed, PackReader};
use crate::staging::{RecordRow, Staging};

/// What is handed over at a time: so many things, or so many bytes of them.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 128 << 10;
/// Batches that wait to become rows.
const WAITING: usize = 8;
/// Members after which the acting thread looks for batches.
const LOOK_EVERY: u64 = 64;
/// The JSON of a manifest may be nested 128 deep.
const STACK_BYTES: usize = 2 << 20;

/// Audits a pack's directory and reads its manifest; both become rows.
pub(super) fn read(
    reader: &PackReader,
    staging: &Staging,
    jobs: Jobs,
    control: &Control,
) -> Result<(AuditReport, ManifestHead)> {
    if jobs.get() > 1
        && let Some(place) = reader.manifest_place()
        && let Some(read) = read_beside(reader, &place, staging, control)
    {
        return read;
    }
    let audit = reader.audit(&mut |member| {
        control.ensure_not_interrupted()?;
        staging.add_member(member)
    })?;
    let head = reader.read_manifest(&audit, &mut &*staging)?;
    Ok((audit, head))
}

/// The same with a thread of its own for the manifest; `None` where none can be had.
fn read_beside(
    reader: &PackReader,
    place: &ManifestPlace,
    staging: &Staging,
    control: &Control,
) -> Option<Result<(AuditReport, ManifestHead)>> {
    let read = beside(
        |batches, is_over| reader.read_manifest_at(place, batches, is_over),
        |told| {
            let audit = audit(reader, staging, control, told)?;
            take_all(told, staging, control).map(|()| audit)
        },
    );
    Some(read?.and_then(|(audit, head)| {
        // The same bytes say the same, unless somebody writes them.
        if !place.is_that_of(&audit) {
            return Err(reader.changing());
        }
        Ok((audit, head?))
    }))
}

/// Reads the index records that stand on lines of their own, which become rows; returns what their bytes
/// are and how many lines, or `None` where the pack has no such member.
pub(super) fn read_records(
    reader: &PackReader,
    audit: &AuditReport,
    staging: &Staging,
    jobs: Jobs,
    control: &Control,
) -> Result<Option<(Observed, u64)>> {
    if jobs.get() > 1
        && audit.records.is_some()
        && let Some(read) = beside(
            |batches, is_over| reader.read_records(audit, batches, is_over),
            |told| take_all(told, staging, control),
        )
    {
        return read?.1;
    }
    reader.read_records(audit, &mut &*staging, &|| false)
}

/// Runs `work` on a thread of its own and `act`, which takes what it tells, on this one; `None` where
/// no thread can be had. An error of `act` is told before one of `work`.
fn beside<A, T: Send>(
    work: impl FnOnce(&mut Batches, &dyn Fn() -> bool) -> Result<T> + Send,
    act: impl FnOnce(&Receiver<Batch>) -> Result<A>,
) -> Option<Result<(A, Result<T>)>> {
    let (teller, told) = mpsc::sync_channel(WAITING);
    let is_over = AtomicBool::new(false);
    let is_over = &is_over;
    thread::scope(|scope| {
        let work = move || {
            let mut batches = Batches {
                teller,
                open: Vec::new(),
                open_bytes: 0,
            };
            let done = work(&mut batches, &|| is_over.load(Ordering::Relaxed))?;
            batches.send()?;
            Ok(done)
        };
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let working = thread.spawn_scoped(scope, work).ok()?;
        let acted = act(&told);
        if acted.is_err() {
            is_over.store(true, Ordering::Relaxed);
        }
        // Whoever still has something to tell ends there.
        drop(told);
        let done = working
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(acted.map(|acted| (acted, done)))
    })
}

fn take_all(told: &Receiver<Batch>, staging: &Staging, control: &Control) -> Result<()> {
    while let Ok(batch) = told.recv() {
        control.ensure_not_interrupted()?;
        batch.take(staging)?;
    }
    Ok(())
}

fn audit(
    reader: &PackReader,
    staging: &Staging,
    control: &Control,
    told: &Receiver<Batch>,
) -> Result<AuditReport> {
    reader.audit(&mut |member| {
        control.ensure_not_interrupted()?;
        if member.ordinal.is_multiple_of(LOOK_EVERY) {
            while let Ok(batch) = told.try_recv() {
                batch.take(staging)?;
            }
        }
        staging.add_member(member)
    })
}

/// One thing that a manifest says.
#[derive(Debug)]
enum Given {
    Entry(ManifestEntry),
    Record(RecordRow),
    Finding(Finding),
}

/// What is handed over at a time.
#[derive(Debug)]
struct Batch {
    given: Vec<Given>,
    /// Dropped with the batch: who waits for that has nothing else in memory meanwhile.
    _taken: Option<SyncSender<()>>,
}

impl Batch {
    /// Turns it into rows.
    fn take(self, mut staging: &Staging) -> Result<()> {
        self.given.into_iter().try_for_each(|given| match given {
            Given::Entry(entry) => staging.entry(entry),
            Given::Record(record) => staging.add_record(record),
            Given::Finding(finding) => staging.finding(finding),
        })
    }
}

/// Collects what a manifest says, and hands it over.
struct Batches {
    teller: SyncSender<Batch>,
    open: Vec<Given>,
    open_bytes: usize,
}

impl Batches {
    fn add(&mut self, given: Given, bytes: usize) -> Result<()> {
        self.open.push(given);
        self.open_bytes = self.open_bytes.saturating_add(bytes);
        if self.open.len() < BATCH && self.open_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.send()
    }

    /// Hands over what is collected. A text that is larger than a batch waits until it is a row, so
    /// that a pack full of them has no more than one in memory.
    fn send(&mut self) -> Result<()> {
        let is_huge = self.open_bytes >= BATCH_BYTES.saturating_mul(2);
        let (taken, wait) = mpsc::sync_channel(0);
        let batch = Batch {
            given: std::mem::take(&mut self.open),
            _taken: is_huge.then_some(taken),
        };
        self.open_bytes = 0;
        // Nobody listens once the audit has failed; its error is the one that is told.
        self.teller.send(batch).map_err(|_| Error::Interrupted)?;
        if is_huge {
            wait.recv().unwrap_or(());
        }
        Ok(())
    }
}

impl ManifestSink for Batches {
    fn entry(&mut self, entry: ManifestEntry) -> Result<()> {
        let bytes = entry.path.len().saturating_add(size_of::<ManifestEntry>());
        self.add(Given::Entry(entry), bytes)
    }

    fn record(&mut self, record: IndexRecord) -> Result<()> {
        let row = RecordRow::of(record);
        let bytes = row.memory_bytes();
        self.add(Given::Record(row), bytes)
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        let bytes = finding.path.len().saturating_add(finding.detail.len());
        self.add(Given::Finding(finding), bytes)
    }
}
