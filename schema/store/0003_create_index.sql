-- The content index: what a pack says of its paths beside their bytes, or what follows from the
-- texts that describe directories. Session content has no row here.

-- One more kind of transaction: a reindex writes rows of the index and moves nothing. The table is
-- made again, because its check names the kinds.
CREATE TABLE tx_wider (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('baseline', 'import', 'restore', 'rollback', 'revert', 'prune', 'pin', 'unpin', 'reindex')),
  uri TEXT NOT NULL,                                  -- the root; viking:// for a restore, a baseline and what concerns slots
  on_conflict TEXT,                                   -- null where the verb has no policy
  undoes INTEGER REFERENCES tx (id),                  -- the (oldest) transaction that a rollback undoes
  argv TEXT NOT NULL,                                 -- JSON list
  user TEXT NOT NULL,
  host TEXT NOT NULL,
  tool_version TEXT NOT NULL,
  pack_path TEXT,                                     -- null where no pack is read
  pack_bytes INTEGER,
  pack_mtime_ms INTEGER,
  started_ms INTEGER NOT NULL,
  CHECK ((kind = 'rollback') = (undoes IS NOT NULL))
) STRICT;

INSERT INTO tx_wider
SELECT id, kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms FROM tx;
DROP TABLE tx;
ALTER TABLE tx_wider RENAME TO tx;
CREATE INDEX tx_by_user ON tx (user, started_ms);
CREATE TRIGGER tx_is_written_once BEFORE UPDATE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_stays BEFORE DELETE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Which record a path has at a level from a change set on. Of the rows whose change set is in effect
-- the one with the path's present content holds, and where there is none, the one of the highest
-- change set. A path that is not there has no record, whatever stands here.
CREATE TABLE tx_index (
  change_set INTEGER NOT NULL REFERENCES change_set (id),
  path TEXT NOT NULL,
  level INTEGER NOT NULL CHECK (level IN (0, 1, 2)),  -- 0 abstract, 1 overview, 2 content
  kind TEXT NOT NULL CHECK (kind IN ('directory', 'file')),
  content_sha256 BLOB CHECK (length(content_sha256) = 32), -- of the file, or of the text that describes the directory; null where there is none
  origin TEXT NOT NULL CHECK (origin IN ('pack', 'derived', 'none')),
  record_sha256 BLOB CHECK (length(record_sha256) = 32),   -- null: it has none from here on
  PRIMARY KEY (change_set, path, level),
  CHECK ((origin = 'none') = (record_sha256 IS NULL))
) STRICT, WITHOUT ROWID;

-- For the records of a path.
CREATE INDEX tx_index_by_path ON tx_index (path, level, change_set);

CREATE TRIGGER tx_index_is_written_once BEFORE UPDATE ON tx_index BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_index_stays BEFORE DELETE ON tx_index BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- What a record says, told by its digest. Rows are deleted once no tree that is live or in a slot can
-- need them; the digests of `tx_index`, which events cover, stay.
CREATE TABLE index_record (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  scalars TEXT NOT NULL,                              -- JSON object: those that travel, without context_type and level
  text TEXT                                           -- of an abstract or overview
) STRICT;

CREATE TRIGGER index_record_is_written_once BEFORE UPDATE ON index_record BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
