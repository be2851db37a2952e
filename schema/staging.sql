-- One transaction's scratch: what a pack claims, what was observed, what is live, what is planned.
-- Made anew each time; nothing here outlives the transaction.
-- Pack paths are relative to the pack's root; live paths are relative to the live root.

-- What the manifest says beside its entries.
CREATE TABLE manifest (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  zip_root TEXT NOT NULL,
  kind TEXT NOT NULL,
  format_version INTEGER NOT NULL,
  layout TEXT NOT NULL,                       -- v2, v2-files, v3
  layout_versions TEXT NOT NULL,              -- each format_version that the manifest's place may have
  root_name TEXT NOT NULL,
  root_uri TEXT NOT NULL,
  root_scope TEXT NOT NULL,
  package_type TEXT,                          -- null in all but backups
  has_scopes INTEGER NOT NULL,
  content_sha256 BLOB NOT NULL,
  uri_fault TEXT,                             -- why root_uri is no URI; null where it is one
  uri_scope TEXT,                             -- scope of root_uri; null for viking:// and what is no URI
  uri_leaf TEXT,
  uri_depth INTEGER,
  uri_path TEXT,                              -- root_uri without viking://
  user_id TEXT,
  inventory_sha256 BLOB                       -- digest of the inventory as the entries have it
) STRICT;

CREATE TABLE manifest_scope (ordinal INTEGER PRIMARY KEY, scope TEXT NOT NULL) STRICT;

CREATE TABLE manifest_entry (
  ordinal INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  kind TEXT NOT NULL,
  bytes INTEGER,                              -- null where a file does not say
  sha256 BLOB,
  user_id TEXT
) STRICT;

CREATE TABLE member (
  ordinal INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  kind TEXT NOT NULL,
  data_offset INTEGER NOT NULL,               -- with the header's: where the reader finds it again
  header_offset INTEGER NOT NULL,
  compressed_bytes INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  method INTEGER NOT NULL
) STRICT;

-- Index records: of one shape, whether they stand in the manifest or on a line of their own. What
-- they say stands apart, so that rules and joins need not read it.
CREATE TABLE index_record (
  ordinal INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  record_sha256 BLOB NOT NULL,                -- of what a record keeps of it
  record_id TEXT,                             -- this and what follows: null in the manifest
  kind TEXT,
  dense_offset INTEGER,                       -- null where it has no dense vector
  dense_dimensions INTEGER,
  user_id TEXT
) STRICT;

-- Portable scalars of a record, and the text of levels 0 and 1. A row may be left of a record that was
-- dropped.
CREATE TABLE index_record_text (
  ordinal INTEGER PRIMARY KEY,
  scalars TEXT NOT NULL,                      -- JSON object: what a record keeps
  placed TEXT,                                -- JSON object: what follows from the place; null where there is nothing of it
  text TEXT
) STRICT;

-- Members below _ovpack/: what the manifest's `index` says of them, and what they are.
CREATE TABLE index_member (
  name TEXT PRIMARY KEY,                      -- records, dense
  path TEXT NOT NULL,                         -- the name that it must have
  is_claimed INTEGER NOT NULL,
  claimed_path TEXT,                          -- this and what follows: null where it is not claimed
  count INTEGER,
  sha256 BLOB,
  dimensions INTEGER,                         -- this and the next three: null for records
  dtype TEXT,
  byte_order TEXT,
  embedding TEXT,                             -- JSON object
  member_bytes INTEGER,                       -- by its headers; null where there is no such member
  observed_sha256 BLOB,                       -- null until it is read
  observed_count INTEGER                      -- lines of the records, once they are read
) STRICT, WITHOUT ROWID;

-- Whose each thing is that may say so: the component after user/, literally; null elsewhere.
CREATE VIEW located AS
WITH thing AS (
  SELECT 'root' AS what, NULL AS ordinal, '' AS path, user_id FROM manifest
  UNION ALL SELECT 'entry', ordinal, path, user_id FROM manifest_entry
  UNION ALL SELECT 'record', ordinal, path, user_id FROM index_record
), placed AS (
  SELECT thing.*, CASE WHEN uri_path = '' THEN path WHEN path = '' THEN uri_path ELSE uri_path || '/' || path END AS live_path
  FROM thing, manifest
)
SELECT what, ordinal, path, user_id, live_path,
       CASE WHEN substr(live_path, 1, 5) = 'user/'
            THEN substr(live_path, 6, instr(substr(live_path, 6) || '/', '/') - 1) END AS owner
FROM placed;

-- What a member's bytes turned out to be, where that is not what the manifest says.
CREATE TABLE observed (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, sha256 BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Findings of the reader, beside those of the queries.
CREATE TABLE finding (code TEXT NOT NULL, path TEXT NOT NULL, detail TEXT NOT NULL) STRICT;

-- Where the pack is to go.
CREATE TABLE target (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  verb TEXT NOT NULL,                         -- import, restore
  parent_uri TEXT,                            -- null for a restore
  parent_scope TEXT,
  parent_depth INTEGER,
  on_conflict TEXT NOT NULL
) STRICT;

-- What stands at each live path that the pack would replace, and on the way to it.
CREATE TABLE target_root (
  path TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  found TEXT NOT NULL                         -- absent, empty-scope, directory, or what else stands there
) STRICT, WITHOUT ROWID;

CREATE TABLE target_ancestor (path TEXT PRIMARY KEY, found TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The tree to be: entries that go live, by live path.
CREATE TABLE staged_entry (
  path TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  mode INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 BLOB                                 -- null for a directory
) STRICT, WITHOUT ROWID;

-- The tree that is: live entries at and below the roots, by live path.
CREATE TABLE live_entry (
  path TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  mode INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 BLOB,
  inode INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the journal expects at and below the roots before, and after if nothing but its rules decided.
CREATE TABLE committed_entry (path TEXT PRIMARY KEY, kind TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE predicted_entry (path TEXT PRIMARY KEY, kind TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB) STRICT, WITHOUT ROWID;

-- The live root itself ('') is never a change: it is there before the first commit and after the last.

-- The plan: each path of either tree, with both sides.
CREATE VIEW plan_change AS
SELECT coalesce(s.path, l.path) AS path,
       CASE WHEN l.path IS NULL THEN 'added'
            WHEN s.path IS NULL THEN 'removed'
            WHEN s.kind = l.kind AND s.bytes = l.bytes AND s.sha256 IS l.sha256 THEN 'unchanged'
            ELSE 'replaced' END AS change,
       l.kind AS old_kind, l.bytes AS old_bytes, l.sha256 AS old_sha256,
       s.kind AS new_kind, s.bytes AS new_bytes, s.sha256 AS new_sha256
FROM staged_entry AS s FULL JOIN live_entry AS l ON l.path = s.path
WHERE coalesce(s.path, l.path) <> '';

-- What was changed from outside since the last commit.
CREATE VIEW external_change AS
SELECT coalesce(l.path, c.path) AS path,
       CASE WHEN c.path IS NULL THEN 'added' WHEN l.path IS NULL THEN 'missing' ELSE 'changed' END AS drift,
       c.kind AS old_kind, c.bytes AS old_bytes, c.sha256 AS old_sha256,
       l.kind AS new_kind, l.bytes AS new_bytes, l.sha256 AS new_sha256
FROM live_entry AS l FULL JOIN committed_entry AS c ON c.path = l.path
WHERE coalesce(l.path, c.path) <> ''
  AND (l.path IS NULL OR c.path IS NULL OR l.kind <> c.kind OR l.bytes <> c.bytes OR l.sha256 IS NOT c.sha256);

-- Where the journal's rules alone would expect another tree than the one that a rollback puts back.
CREATE VIEW correction AS
SELECT coalesce(s.path, p.path) AS path,
       CASE WHEN p.path IS NULL THEN 'added' WHEN s.path IS NULL THEN 'removed' ELSE 'replaced' END AS change,
       p.kind AS old_kind, p.bytes AS old_bytes, p.sha256 AS old_sha256,
       s.kind AS new_kind, s.bytes AS new_bytes, s.sha256 AS new_sha256
FROM staged_entry AS s FULL JOIN predicted_entry AS p ON p.path = s.path
WHERE coalesce(s.path, p.path) <> ''
  AND (s.path IS NULL OR p.path IS NULL OR s.kind <> p.kind OR s.bytes <> p.bytes OR s.sha256 IS NOT p.sha256);

-- The index to be: records of the pack by live path, and those that follow from the texts of
-- directories. What it says stands where it was read, for a record of the pack; else in
-- `staged_record`, once for each digest.
CREATE TABLE staged_index (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  kind TEXT NOT NULL,
  content_sha256 BLOB,                        -- of the tree to be: of the file, or of the text that describes the directory
  origin TEXT NOT NULL,                       -- pack, derived
  record_sha256 BLOB NOT NULL,
  record INTEGER,                             -- the record of the pack, by its ordinal; null where it follows from a text
  PRIMARY KEY (path, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_record (sha256 BLOB PRIMARY KEY, scalars TEXT NOT NULL, text TEXT) STRICT;

-- What the journal says of records at and below the roots, by all change sets in effect.
CREATE TABLE told_index (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  change_set INTEGER NOT NULL,
  kind TEXT NOT NULL,
  content_sha256 BLOB,
  origin TEXT NOT NULL,
  record_sha256 BLOB,
  PRIMARY KEY (path, level, change_set)
) STRICT, WITHOUT ROWID;

-- The record that each path of the tree to be would have without another word. `is_kept` where it
-- stays also when nobody names it: with what a merge or a revert leaves as it is.
CREATE TABLE foreseen_index (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  kind TEXT NOT NULL,
  content BLOB,                               -- of the tree to be
  content_sha256 BLOB,                        -- what the record was written for
  origin TEXT NOT NULL,
  record_sha256 BLOB,
  is_kept INTEGER NOT NULL,
  PRIMARY KEY (path, level)
) STRICT, WITHOUT ROWID;

-- What the journal must be told of the index: other records than those foreseen, and where there is
-- to be none any more.
CREATE VIEW index_change AS
SELECT s.path, s.level, s.kind, s.content_sha256, s.origin, s.record_sha256, s.record
FROM staged_index AS s LEFT JOIN foreseen_index AS f ON f.path = s.path AND f.level = s.level
WHERE f.record_sha256 IS NOT s.record_sha256 OR f.origin IS NOT s.origin OR f.content_sha256 IS NOT f.content
UNION ALL
SELECT f.path, f.level, f.kind, f.content, 'none', NULL, NULL
FROM foreseen_index AS f LEFT JOIN staged_index AS s ON s.path = f.path AND s.level = f.level
WHERE s.path IS NULL AND f.record_sha256 IS NOT NULL AND NOT f.is_kept;
