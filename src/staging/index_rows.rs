//! Rows of the members of a pack's index: claimed, then observed.

use rusqlite::{named_params, params};

use super::{Staging, column};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::pack::IndexMember;
use crate::pack::index_claims::IndexClaims;
use crate::pack::reader::{AuditReport, Observed};

impl Staging {
    /// Takes in what the manifest says of the index, and which of its members there are.
    pub(crate) fn set_index(
        &self,
        claims: Option<&IndexClaims>,
        audit: &AuditReport,
    ) -> Result<()> {
        let dense = claims.and_then(|claims| claims.dense.as_ref());
        for member in IndexMember::ALL {
            let claim = match member {
                IndexMember::Records => claims.map(|claims| &claims.records),
                IndexMember::Dense => dense.map(|dense| &dense.member),
            };
            let location = audit.index(member);
            if claim.is_none() && location.is_none() {
                continue;
            }
            let dense = dense.filter(|_| member == IndexMember::Dense);
            let embedding = dense.map(|dense| serde_json::Value::Object(dense.embedding.clone()));
            let row = named_params! {
                ":name": member.key(), ":path": member.path(), ":is_claimed": claim.is_some(),
                ":claimed_path": claim.map(|claim| claim.path.as_str()),
                ":count": claim.map(|claim| column(claim.count)), ":sha256": claim.map(|claim| claim.sha256),
                ":dimensions": dense.map(|dense| column(dense.dimensions)),
                ":dtype": dense.map(|dense| dense.dtype.as_str()),
                ":byte_order": dense.map(|dense| dense.byte_order.as_str()),
                ":embedding": embedding.map(|embedding| embedding.to_string()),
                ":member_bytes": location.map(|location| column(location.size_bytes)),
            };
            let insert = "INSERT INTO index_member (name, path, is_claimed, claimed_path, count, sha256, dimensions, dtype, byte_order, embedding, member_bytes)
                 VALUES (:name, :path, :is_claimed, :claimed_path, :count, :sha256, :dimensions, :dtype, :byte_order, :embedding, :member_bytes)";
            self.connection
                .execute(insert, row)
                .context("stage the index")?;
        }
        Ok(())
    }

    /// Records what the bytes of a member turned out to be; `lines` of records alone.
    pub(crate) fn observe_index(
        &self,
        member: IndexMember,
        observed: &Observed,
        lines: Option<u64>,
    ) -> Result<()> {
        let row = params![member.key(), observed.sha256, lines.map(column)];
        self.connection
            .execute(
                "UPDATE index_member SET observed_sha256 = ?2, observed_count = ?3 WHERE name = ?1",
                row,
            )
            .context("stage the index")?;
        Ok(())
    }

    /// Drops the records of session content, which has no index: what is below `session/` and below
    /// `user/ID/sessions/`.
    pub(crate) fn drop_session_records(&self) -> Result<u64> {
        let may_have = "SELECT EXISTS (SELECT 1 FROM index_record)
               AND coalesce((SELECT uri_path IN ('', 'session', 'user') OR uri_path >= 'session/' AND uri_path < 'session0'
                               OR uri_path >= 'user/' AND uri_path < 'user0' FROM manifest), 1)";
        let may_have: bool = self
            .connection
            .query_row(may_have, [], |row| row.get(0))
            .context("read index records")?;
        if !may_have {
            return Ok(0);
        }
        let dropped = self
            .connection
            .execute(
                "DELETE FROM index_record WHERE ordinal IN (SELECT ordinal FROM located WHERE what = 'record'
                   AND (substr(live_path, 1, 8) = 'session/'
                     OR owner IS NOT NULL AND substr(live_path, 6 + length(owner), 10) = '/sessions/'))",
                [],
            )
            .context("drop index records")?;
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_session_content_are_dropped_and_no_others() {
        for (root, path, is_dropped) in [
            ("session/s", "", true),
            ("session/s", "history/a", true),
            ("session", "s", true),
            ("session", "", false),
            ("user/a/sessions/s", "", true),
            ("user/a/sessions", "", false),
            ("user/a/sessions", "s", true),
            ("user/a", "sessions/s/history", true),
            ("user", "a/sessions/s", true),
            ("", "user/a/sessions/s", true),
            ("", "user/a/sessions", false),
            ("", "session/s", true),
            ("", "sessions/s", false),
            ("user/a/memories", "sessions/s", false),
            ("user", "sessions/sessions", false),
            ("user", "sessions/sessions/s", true),
            ("resources/session", "s", false),
            ("agent/a", "sessions/s", false),
        ] {
            let staging = Staging::make(None).expect("made");
            let insert = "INSERT INTO manifest (one, zip_root, kind, format_version, layout, layout_versions, root_name, root_uri,
                   root_scope, has_scopes, content_sha256, uri_path)
                 VALUES (1, '', '', 3, 'v3', '3', '', '', '', 0, x'', ?1)";
            let connection = staging.connection();
            connection.execute(insert, [root]).expect("staged");
            let insert =
                "INSERT INTO index_record (path, level, record_sha256) VALUES (?1, 0, x'')";
            connection.execute(insert, [path]).expect("staged");
            staging.drop_session_records().expect("dropped");
            let count = "SELECT count(*) FROM index_record";
            let left: i64 = connection
                .query_row(count, [], |row| row.get(0))
                .expect("counted");
            assert_eq!(left, i64::from(!is_dropped), "{root} {path}");
        }
    }
}
