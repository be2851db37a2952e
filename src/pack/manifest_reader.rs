//! The manifest of a pack: where it is, and the reading of it.

use super::Place;
use super::directory;
use super::inflate::{Inflater, MemberStream};
use super::manifest::{self, ManifestHead, ManifestSink};
use super::member::MemberLocation;
use super::member_name::{self, shown_bytes};
use super::reader::{AuditReport, PackReader};
use crate::error::Result;
use crate::finding::Rule;

/// Where a manifest is before the audit has looked at everything else.
#[derive(Clone, Debug)]
pub(crate) struct ManifestPlace {
    place: Place,
    root: String,
    location: MemberLocation,
}

impl ManifestPlace {
    /// Returns whether the audit found it there too.
    pub(crate) fn is_that_of(&self, audit: &AuditReport) -> bool {
        self.place == audit.place && self.root == audit.root && self.location == audit.manifest
    }
}

impl PackReader {
    /// Reads the manifest: whether its bytes are whole, and what they say, entry by entry.
    ///
    /// # Errors
    /// [`Error::Refused`] where its bytes are damaged or are no manifest. Errors
    /// of `sink` end the reading.
    pub(crate) fn read_manifest(
        &self,
        audit: &AuditReport,
        sink: &mut dyn ManifestSink,
    ) -> Result<ManifestHead> {
        let place = ManifestPlace {
            place: audit.place,
            root: audit.root.clone(),
            location: audit.manifest,
        };
        self.read_manifest_at(&place, sink, &|| false)
    }

    /// The same before the audit has ended; it ends where the audit has failed.
    pub(crate) fn read_manifest_at(
        &self,
        place: &ManifestPlace,
        sink: &mut dyn ManifestSink,
        is_over: &dyn Fn() -> bool,
    ) -> Result<ManifestHead> {
        let name = format!("{}/{}", place.root, place.place.manifest_name());
        let mut scratch = Inflater::new();
        let stream = MemberStream::new(&self.file, &mut scratch, &place.location, &name);
        let (pack, limits) = (self.path(), &self.limits);
        manifest::read(stream, place.place, &name, pack, limits, sink, is_over)
    }

    /// Returns where the manifest is as the directory alone says; `None` where anything is wrong with
    /// that, which the audit tells.
    pub(crate) fn manifest_place(&self) -> Option<ManifestPlace> {
        self.ensure_member_limit().ok()?;
        let (place, root) = self.find_manifest().ok()?;
        let name = format!("{root}/{}", place.manifest_name());
        let location = directory::location_of(&self.file, &self.end, name.as_bytes()).ok()??;
        let is_small = location.size_bytes <= self.limits.manifest_bytes;
        is_small.then_some(ManifestPlace {
            place,
            root,
            location,
        })
    }

    /// Returns the place of the one manifest, and its root.
    pub(super) fn find_manifest(&self) -> Result<(Place, String)> {
        let mut found: Option<(Place, String)> = None;
        directory::names(&self.file, &self.end, &mut |raw| {
            let Some((root, place)) = member_name::manifest_place(raw) else {
                return Ok(());
            };
            if found.replace((place, root.to_owned())).is_none() {
                return Ok(());
            }
            let detail = "it is the second manifest of the pack";
            let name = shown_bytes(raw);
            Err(self.file.refuse(Rule::ManifestRepeated, &name, detail))
        })?;
        found.ok_or_else(|| {
            let detail = "Missing ovpack manifest: no member ROOT/_._ovpack_manifest.json or ROOT/_ovpack/manifest.json";
            self.file.refuse(Rule::ManifestMissing, "", detail)
        })
    }
}
