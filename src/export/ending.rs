//! The end of a pack, whatever its content came from: index records, manifest, central directory.

use camino::Utf8Path;

use crate::control::Control;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::limits::Limits;
use crate::pack::manifest_writer::{self, DenseSummary, ManifestHead, ManifestRows};
use crate::pack::record_writer::{self, RecordsSummary};
use crate::pack::writer::PackWriter;
use crate::pack::{IndexMember, Layout, Place};
use crate::uri::{Scope, Uri};

/// A pack to which only what is no content is still to be added.
pub(crate) struct Ending<'a> {
    pub(crate) writer: &'a mut PackWriter,
    pub(crate) rows: &'a dyn ManifestRows,
    pub(crate) root_name: &'a str,
    pub(crate) uri: &'a Uri,
    pub(crate) layout: Layout,
    /// For messages.
    pub(crate) pack: &'a Utf8Path,
    pub(crate) control: &'a Control,
}

/// What was packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inventory<'a> {
    pub(crate) content_sha256: Digest,
    pub(crate) entries: u64,
    /// The scopes that a backup carries.
    pub(crate) scopes: &'a [Scope],
}

impl Ending<'_> {
    /// Adds a directory that is no entry: the root itself, or one below it.
    pub(crate) fn structure(&mut self, below: &str) -> Result<()> {
        match self.layout.place() {
            Place::Flat => Ok(()),
            Place::Files => self
                .writer
                .directory(&format!("{}/{below}", self.root_name)),
        }
    }

    /// Adds the index records, which stand in the manifest or before it.
    pub(crate) fn records(&mut self) -> Result<Option<RecordsSummary>> {
        if self.layout.place() == Place::Flat {
            return Ok(None);
        }
        self.structure("_ovpack/")?;
        let mut summary = RecordsSummary::default();
        let (rows, control) = (self.rows, self.control);
        let name = format!("{}/{}", self.root_name, IndexMember::Records.path());
        let limit_bytes = Limits::default().manifest_bytes;
        let is_added = self.writer.file(&name, limit_bytes, &mut |take| {
            summary = record_writer::write_records(rows, &mut |bytes| {
                control.ensure_not_interrupted()?;
                take(bytes)
            })?;
            Ok(true)
        })?;
        if !is_added {
            let detail = format!("its index records would have more than {limit_bytes} bytes");
            return Err(self.refused(Rule::ManifestTooLarge, detail));
        }
        Ok(Some(summary))
    }

    /// Adds the manifest, which must be the last member.
    pub(crate) fn manifest(
        &mut self,
        inventory: &Inventory<'_>,
        records: Option<RecordsSummary>,
        dense: Option<DenseSummary<'_>>,
    ) -> Result<()> {
        let head = ManifestHead {
            layout: self.layout,
            content_sha256: inventory.content_sha256,
            root: self.root_name,
            uri: self.uri,
            entries: inventory.entries,
            scopes: inventory.scopes,
            records,
            dense,
        };
        let limit_bytes = Limits::default().manifest_bytes;
        let place = self.layout.place();
        let name = format!("{}/{}", self.root_name, place.manifest_name());
        let (rows, control) = (self.rows, self.control);
        let is_added = self.writer.file(&name, limit_bytes, &mut |take| {
            manifest_writer::write_manifest(&head, rows, &mut |bytes| {
                control.ensure_not_interrupted()?;
                take(bytes)
            })?;
            Ok(true)
        })?;
        if !is_added {
            let detail = format!("its manifest would have more than {limit_bytes} bytes");
            return Err(self.refused(Rule::ManifestTooLarge, detail));
        }
        Ok(())
    }

    /// Ends the pack, unless a reader would refuse it for what it unpacks to.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.writer.close()?;
        let limits = Limits::default();
        let unpacked = self.writer.unpacked_bytes();
        let most = self.writer.packed_bytes().saturating_mul(limits.ratio);
        if unpacked > limits.ratio_floor_bytes && unpacked > most {
            let detail = format!(
                "its {} bytes would unpack to {unpacked}, more than {} to 1",
                self.writer.packed_bytes(),
                limits.ratio
            );
            return Err(self.refused(Rule::RatioTooHigh, detail));
        }
        Ok(())
    }

    fn refused(&self, rule: Rule, detail: String) -> Error {
        Error::refused(self.pack, Finding::new(rule, "", detail))
    }
}
