//! The reading of a manifest in progress: who takes what is read, and what went wrong.

use super::Place;
use super::json::{Stop, StopCell};
use super::manifest::ManifestSink;
use super::member_name;
use crate::entry_path::EntryPath;
use crate::finding::{Finding, Rule};
use crate::limits::Limits;

/// What a stream of entries and records is read for, and what went wrong with it.
pub(super) struct Reading<'s> {
    /// Who takes what is read.
    pub(super) sink: &'s mut dyn ManifestSink,
    /// How names are judged.
    pub(super) place: Place,
    /// How long paths and the list of entries may be.
    pub(super) limits: &'s Limits,
    /// The rule that a wrong value breaks at this place of the manifest.
    pub(super) rule: Rule,
    /// Where an error of the sink is put.
    pub(super) stop: &'s StopCell,
}

impl Reading<'_> {
    /// Gives something to the sink; its error ends the reading.
    pub(super) fn give<E: serde::de::Error>(
        &mut self,
        give: impl FnOnce(&mut dyn ManifestSink) -> crate::error::Result<()>,
    ) -> Result<(), E> {
        give(self.sink).map_err(|error| {
            self.stop.replace(Some(Stop::Error(error)));
            E::custom("stopped")
        })
    }

    /// Ends the reading where the manifest lists more entries than it may.
    pub(super) fn ensure_entry_limit<E: serde::de::Error>(&self, entries: u64) -> Result<(), E> {
        let limit = self.limits.members;
        if entries <= limit {
            return Ok(());
        }
        let detail = format!("its manifest has more than {limit} entries, which is the limit");
        let finding = Finding::new(Rule::TooManyMembers, "", detail);
        self.stop.replace(Some(Stop::Finding(finding)));
        Err(E::custom("stopped"))
    }

    /// Returns the path that a text of the manifest is; `None` once its fault is reported.
    pub(super) fn path<E: serde::de::Error>(&mut self, text: &str) -> Result<Option<EntryPath>, E> {
        let shown = member_name::shown(text);
        let path = match EntryPath::parse(text) {
            Ok(path) => path,
            Err(fault) => {
                let detail = format!("a path of the manifest: {fault}");
                let finding = Finding::new(fault.into(), shown, detail);
                self.give(|sink| sink.finding(finding))?;
                return Ok(None);
            }
        };
        if let Err(fault) = self.limits.check_path(&path) {
            let detail = format!("a path of the manifest: {fault}");
            let finding = Finding::new(fault.into(), shown, detail);
            self.give(|sink| sink.finding(finding))?;
            return Ok(None);
        }
        if let Some(reserved) = member_name::reserved_component(&path, self.place) {
            let detail = format!("a path of the manifest: `{reserved}` is a reserved name");
            let finding = Finding::new(Rule::NameReserved, shown, detail);
            self.give(|sink| sink.finding(finding))?;
            return Ok(None);
        }
        Ok(Some(path))
    }
}
