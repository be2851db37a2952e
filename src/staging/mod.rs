//! Staging: one transaction's scratch database, in which a pack is held against its manifest, its
//! target and the live tree.
//!
//! The database has neither journal nor sync and one transaction that is never committed: it need
//! not outlive anything. Rows are appended first and indexed once, before they are asked.

mod heeding;
mod index_changes;
mod index_rows;
mod live_rows;
mod merged;
mod moved;
mod pack_rows;
mod reading;
mod sides;
mod stale_index;
mod tree_walk;
mod trees;
mod waiting;

use std::cell::Cell;

use camino::Utf8Path;
use rusqlite::{Connection, named_params, params};

use crate::db::{self, DatabaseContext as _, Heed};
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::finding::Finding;
use crate::pack::manifest::ManifestHead;
use crate::pack::{Layout, Place};
use crate::uri::Uri;

use waiting::Waiting;

pub(crate) use index_changes::Keeps;
pub(crate) use live_rows::{LiveRow, LiveRows};
pub(crate) use pack_rows::RecordRow;
pub(crate) use reading::scalars_of;
pub(crate) use stale_index::StaleRecord;
pub(crate) use tree_walk::{Planned, Side};
pub(crate) use trees::{EachChange, StagedRow, Tree, TreeRow};

const SCHEMA: &str = concat!(
    include_str!("../../schema/staging.sql"),
    include_str!("../../schema/policies.sql")
);

/// Made once all members and entries are there. What is read in the order of paths is read from them
/// alone; of members with one path the first is found without looking at the others.
pub(crate) const INDEXES: &str = "
CREATE INDEX manifest_entry_by_path ON manifest_entry (path, kind, bytes, sha256);
CREATE INDEX member_by_path ON member (path, kind, ordinal, bytes);
CREATE INDEX index_record_by_id ON index_record (record_id) WHERE record_id IS NOT NULL;";

/// An open staging database.
#[derive(Debug)]
pub(crate) struct Staging {
    connection: Connection,
    waiting: Waiting,
    /// Whether manifest and members were seen to list the same.
    is_matched: Cell<bool>,
    /// Whether they list each directory that something is in as well.
    is_closed: Cell<bool>,
    /// Whether the live tree was seen to be what the journal expects, of which there are no rows then.
    is_as_committed: Cell<bool>,
    /// Whose interrupt ends a statement, where somebody's does.
    heed: Option<Heed>,
}

/// What the manifest claims as a whole, as far as it could be understood.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// `None` where it is no URI, which is a finding.
    pub(crate) root_uri: Option<Uri>,
    pub(crate) root_name: String,
    pub(crate) is_backup: bool,
}

/// Where a pack is to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) verb: &'static str,
    /// `None` for a restore.
    pub(crate) parent: Option<&'a Uri>,
    pub(crate) on_conflict: &'static str,
}

/// Sums over the entries of a manifest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) files: u64,
    pub(crate) directories: u64,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

impl Staging {
    /// Makes a staging database at `path`; without one, in a temporary file of `SQLite`'s own.
    pub(crate) fn make(path: Option<&Utf8Path>) -> Result<Self> {
        let connection = db::open_scratch(path, SCHEMA)?;
        connection
            .execute_batch("BEGIN")
            .context("make a staging database")?;
        Ok(Self {
            connection,
            waiting: Waiting::default(),
            is_matched: Cell::new(false),
            is_closed: Cell::new(false),
            is_as_committed: Cell::new(false),
            heed: None,
        })
    }

    /// Returns the connection, for the queries that are rules.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection, to limit what can be asked of it.
    pub(crate) const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Takes in what a policy may ask of the pack beside its manifest.
    pub(crate) fn set_policy_fact(
        &self,
        layout: Layout,
        kind: &str,
        pack_bytes: u64,
    ) -> Result<()> {
        let row = params![layout.as_str(), kind, column(pack_bytes)];
        self.connection
            .execute(
                "INSERT OR REPLACE INTO policy_fact (one, layout, kind, pack_bytes) VALUES (1, ?1, ?2, ?3)",
                row,
            )
            .context("stage what policies ask")?;
        Ok(())
    }

    pub(crate) fn add_finding(&self, finding: &Finding) -> Result<()> {
        self.connection
            .execute(
                "INSERT INTO finding (code, path, detail) VALUES (?1, ?2, ?3)",
                params![finding.rule.code(), finding.path, finding.detail],
            )
            .context("stage a finding")?;
        Ok(())
    }

    /// Takes in what the manifest says beside its entries; returns what is understood of it.
    pub(crate) fn set_manifest(&self, head: &ManifestHead, zip_root: &str) -> Result<Claims> {
        self.put_pack_rows()?;
        self.connection
            .execute_batch(INDEXES)
            .context("index staged rows")?;
        let sides = self.compare_sides()?;
        self.is_matched.set(sides.is_matched);
        self.is_closed.set(sides.is_closed);
        let uri = Uri::parse_exact(&head.root_uri);
        let understood = uri.as_ref().ok();
        self.connection
            .execute(
                "INSERT INTO manifest (one, zip_root, kind, format_version, layout, layout_versions, root_name, root_uri, root_scope,
                   package_type, has_scopes, content_sha256, uri_fault, uri_scope, uri_leaf, uri_depth, uri_path, user_id, inventory_sha256)
                 VALUES (1, :zip_root, :kind, :format_version, :layout, :layout_versions, :root_name, :root_uri, :root_scope,
                   :package_type, :has_scopes, :content_sha256, :uri_fault, :uri_scope, :uri_leaf, :uri_depth, :uri_path, :user_id, :inventory_sha256)",
                named_params! {
                    ":zip_root": zip_root, ":kind": head.kind, ":format_version": head.format_version,
                    ":layout": head.layout.as_str(), ":layout_versions": versions_at(head.layout.place()),
                    ":root_name": head.root_name, ":root_uri": head.root_uri,
                    ":root_scope": head.root_scope, ":package_type": head.package_type,
                    ":has_scopes": head.scopes.is_some(), ":content_sha256": head.content_sha256,
                    ":uri_fault": uri.as_ref().err().map(ToString::to_string),
                    ":uri_scope": understood.and_then(Uri::scope).map(super::uri::Scope::as_str),
                    ":uri_leaf": understood.and_then(|uri| uri.path().leaf()),
                    ":uri_depth": understood.map(|uri| column(uri.depth() as u64)),
                    ":uri_path": understood.map(|uri| uri.path().as_str()), ":user_id": head.user_id,
                    ":inventory_sha256": sides.inventory,
                },
            )
            .context("stage the manifest")?;
        for scope in head.scopes.iter().flatten() {
            self.connection
                .execute("INSERT INTO manifest_scope (scope) VALUES (?1)", [scope])
                .context("stage the manifest")?;
        }
        let is_backup = head.package_type.as_deref() == Some("backup");
        Ok(Claims {
            root_uri: uri.ok(),
            root_name: head.root_name.clone(),
            is_backup,
        })
    }

    pub(crate) fn set_target(&self, target: &Target<'_>) -> Result<()> {
        self.connection
            .execute(
                "INSERT INTO target (one, verb, parent_uri, parent_scope, parent_depth, on_conflict)
                 VALUES (1, :verb, :parent_uri, :parent_scope, :parent_depth, :on_conflict)",
                named_params! {
                    ":verb": target.verb,
                    ":parent_uri": target.parent.map(ToString::to_string),
                    ":parent_scope": target.parent.and_then(Uri::scope).map(super::uri::Scope::as_str),
                    ":parent_depth": target.parent.map(|uri| column(uri.depth() as u64)),
                    ":on_conflict": target.on_conflict,
                },
            )
            .context("stage the target")?;
        Ok(())
    }

    /// Takes in what stands at a live path that the pack would replace.
    pub(crate) fn add_target_root(&self, uri: &Uri, found: &str) -> Result<()> {
        let row = params![uri.path().as_str(), uri.to_string(), found];
        self.connection
            .execute(
                "INSERT INTO target_root (path, uri, found) VALUES (?1, ?2, ?3)",
                row,
            )
            .context("stage the target")?;
        Ok(())
    }

    /// Takes in what stands on the way to a root.
    pub(crate) fn add_target_ancestor(&self, path: &EntryPath, found: &str) -> Result<()> {
        let row = params![path.as_str(), found];
        self.connection
            .execute(
                "INSERT OR IGNORE INTO target_ancestor (path, found) VALUES (?1, ?2)",
                row,
            )
            .context("stage the target")?;
        Ok(())
    }

    /// Returns whether a target root exists, other than as an empty scope directory.
    pub(crate) fn target_exists(&self) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM target_root WHERE found NOT IN ('absent', 'empty-scope'))";
        self.connection
            .query_row(query, [], |row| row.get(0))
            .context("read the staged target")
    }

    /// Records what a member's bytes turned out to be, where the manifest says something else.
    pub(crate) fn observe(&self, path: &EntryPath, bytes: u64, sha256: &Digest) -> Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO observed (path, bytes, sha256) VALUES (?1, ?2, ?3)")
            .context("stage an observed file")?;
        insert
            .execute(params![path.as_str(), column(bytes), sha256])
            .context("stage an observed file")?;
        Ok(())
    }
}

/// Returns each `format_version` that a layout at a place has.
fn versions_at(place: Place) -> String {
    let layouts = Layout::ALL
        .into_iter()
        .filter(|layout| layout.place() == place);
    let versions: Vec<_> = layouts
        .map(|layout| layout.format_version().to_string())
        .collect();
    versions.join(", ")
}

/// Returns where the paths below `path` end in the order of paths: `0` follows `/`.
fn end_of(path: &str) -> String {
    if path.is_empty() {
        char::MAX.to_string()
    } else {
        [path, "0"].concat()
    }
}

fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
