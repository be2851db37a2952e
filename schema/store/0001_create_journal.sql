-- The journal of one store. Rows are only ever added; `slot` alone changes.
-- Paths are relative to the live root, `/` between components, '' for the live root itself.
-- Times are milliseconds since 1970-01-01 UTC. Digests are SHA-256.

CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,                                   -- UUID, unlike that of any other store
  adopted INTEGER NOT NULL CHECK (adopted IN (0, 1)), -- 1: the live root is the store's directory itself
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tx (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('baseline', 'import', 'restore', 'rollback')),
  uri TEXT NOT NULL,                                  -- the root; viking:// for a restore and a baseline
  on_conflict TEXT,                                   -- null where the verb has no policy
  undoes INTEGER REFERENCES tx (id),                  -- the transaction that a rollback undoes
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

-- A slot holds one unit of tree: before the commit the new one, after it the replaced one.
CREATE TABLE slot (
  id INTEGER PRIMARY KEY,
  made_by INTEGER NOT NULL REFERENCES tx (id),        -- who aborts may delete only slots that it made
  holder INTEGER REFERENCES tx (id),                  -- the last commit that exchanged it; null before the first
  holds TEXT NOT NULL CHECK (holds IN ('tree', 'nothing')),
  inode INTEGER,                                      -- of the held tree
  tree_digest BLOB CHECK (length(tree_digest) = 32),
  bytes INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('held', 'pruning', 'pruned'))
) STRICT;

-- What is known of the pack once all of its bytes were read.
CREATE TABLE tx_pack (
  tx INTEGER PRIMARY KEY REFERENCES tx (id),
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  manifest_sha256 BLOB NOT NULL CHECK (length(manifest_sha256) = 32),
  content_sha256 BLOB NOT NULL CHECK (length(content_sha256) = 32),
  layout TEXT NOT NULL,
  root_uri TEXT NOT NULL
) STRICT;

-- How many paths meet which change; files and bytes of the new tree.
CREATE TABLE tx_plan (
  tx INTEGER PRIMARY KEY REFERENCES tx (id),
  added INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

-- A unit is what one rename moves between live tree and slot.
CREATE TABLE tx_unit (
  tx INTEGER NOT NULL REFERENCES tx (id),
  ordinal INTEGER NOT NULL,
  path TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('exchange', 'create', 'remove')),
  slot INTEGER NOT NULL REFERENCES slot (id),
  old_inode INTEGER,                                  -- of the live tree before; null where there is none
  old_digest BLOB CHECK (length(old_digest) = 32),
  old_bytes INTEGER NOT NULL,
  new_inode INTEGER,                                  -- of the live tree after; null where there is none
  new_digest BLOB CHECK (length(new_digest) = 32),
  new_bytes INTEGER NOT NULL,
  PRIMARY KEY (tx, ordinal),
  CHECK ((action = 'create') = (old_inode IS NULL)),
  CHECK ((action = 'remove') = (new_inode IS NULL))
) STRICT, WITHOUT ROWID;

-- The changes of one origin in one transaction. Ids grow in the order in which changes lie over
-- one another: what was changed from outside is seen before what the transaction does.
CREATE TABLE change_set (
  id INTEGER PRIMARY KEY,
  tx INTEGER NOT NULL REFERENCES tx (id),
  origin TEXT NOT NULL CHECK (origin IN ('external', 'transaction')),
  UNIQUE (tx, origin)
) STRICT;

-- One path's change; a null kind is absence. What the last commit left at a path is the new side
-- of the row with the highest change set in effect.
CREATE TABLE tx_change (
  change_set INTEGER NOT NULL REFERENCES change_set (id),
  path TEXT NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('added', 'replaced', 'removed', 'external')),
  old_kind TEXT CHECK (old_kind IN ('directory', 'file')),
  old_bytes INTEGER,
  old_sha256 BLOB CHECK (length(old_sha256) = 32),
  new_kind TEXT CHECK (new_kind IN ('directory', 'file')),
  new_bytes INTEGER,
  new_sha256 BLOB CHECK (length(new_sha256) = 32),
  PRIMARY KEY (change_set, path)
) STRICT, WITHOUT ROWID;

-- For the state of a path, and its history.
CREATE INDEX tx_change_by_path ON tx_change (path, change_set);

-- Whether a change set is in effect from a commit on: its own says yes, a rollback says no.
CREATE TABLE tx_effect (
  by_tx INTEGER NOT NULL REFERENCES tx (id),
  change_set INTEGER NOT NULL REFERENCES change_set (id),
  in_effect INTEGER NOT NULL CHECK (in_effect IN (0, 1)),
  PRIMARY KEY (by_tx, change_set)
) STRICT, WITHOUT ROWID;

-- For the last word on a change set.
CREATE INDEX tx_effect_by_change_set ON tx_effect (change_set, by_tx);

-- One chained row. `hash` is over a canonical form of all other columns, `rows_digest` over the
-- rows of the transaction that the event brought in.
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  tx INTEGER NOT NULL REFERENCES tx (id),
  kind TEXT NOT NULL CHECK (kind IN ('begun', 'prepared', 'committed', 'back', 'aborting', 'aborted')),
  at_ms INTEGER NOT NULL,
  detail TEXT NOT NULL,                               -- JSON object
  rows_digest BLOB CHECK (length(rows_digest) = 32),
  prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- For the state of a transaction; each event happens to it once.
CREATE UNIQUE INDEX event_by_tx ON event (tx, kind);

CREATE VIEW committed_tx AS
SELECT tx, seq, at_ms, detail ->> 'generation' AS generation FROM event WHERE kind = 'committed';

CREATE VIEW change_set_in_effect AS
SELECT id FROM change_set
WHERE (SELECT in_effect FROM tx_effect JOIN committed_tx ON committed_tx.tx = by_tx
       WHERE change_set = change_set.id ORDER BY by_tx DESC LIMIT 1) = 1;

CREATE TRIGGER store_is_written_once BEFORE UPDATE ON store BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER store_stays BEFORE DELETE ON store BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_is_written_once BEFORE UPDATE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_stays BEFORE DELETE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_pack_is_written_once BEFORE UPDATE ON tx_pack BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_pack_stays BEFORE DELETE ON tx_pack BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_plan_is_written_once BEFORE UPDATE ON tx_plan BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_plan_stays BEFORE DELETE ON tx_plan BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_unit_is_written_once BEFORE UPDATE ON tx_unit BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_unit_stays BEFORE DELETE ON tx_unit BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER change_set_is_written_once BEFORE UPDATE ON change_set BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER change_set_stays BEFORE DELETE ON change_set BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_change_is_written_once BEFORE UPDATE ON tx_change BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_change_stays BEFORE DELETE ON tx_change BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_effect_is_written_once BEFORE UPDATE ON tx_effect BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_effect_stays BEFORE DELETE ON tx_effect BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_written_once BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
