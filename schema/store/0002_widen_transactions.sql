-- More kinds of transactions, and what they say of themselves. The table is made again, because its
-- check names the kinds; its rows stay as they are, and so do the digests that cover them.

CREATE TABLE tx_wider (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('baseline', 'import', 'restore', 'rollback', 'revert', 'prune', 'pin', 'unpin')),
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
CREATE TRIGGER tx_is_written_once BEFORE UPDATE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_stays BEFORE DELETE ON tx BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- All transactions that a rollback of several undoes; one that undoes a single one has no row here.
CREATE TABLE tx_undo (
  tx INTEGER NOT NULL REFERENCES tx (id),
  undone INTEGER NOT NULL REFERENCES tx (id),
  PRIMARY KEY (tx, undone)
) STRICT, WITHOUT ROWID;

-- The paths that a revert brings back as they were before a transaction.
CREATE TABLE tx_revert (
  tx INTEGER NOT NULL REFERENCES tx (id),
  before_tx INTEGER NOT NULL REFERENCES tx (id),
  path TEXT NOT NULL,
  PRIMARY KEY (tx, path)
) STRICT, WITHOUT ROWID;

-- The patterns by which an import or a restore takes a part of its pack.
CREATE TABLE tx_selection (
  tx INTEGER NOT NULL REFERENCES tx (id),
  ordinal INTEGER NOT NULL,
  sense TEXT NOT NULL CHECK (sense IN ('include', 'exclude')),
  pattern TEXT NOT NULL,
  PRIMARY KEY (tx, ordinal)
) STRICT, WITHOUT ROWID;

-- The policies that a pack was held against, beside the rules that are built in.
CREATE TABLE tx_policy (
  tx INTEGER NOT NULL REFERENCES tx (id),
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  PRIMARY KEY (tx, ordinal)
) STRICT, WITHOUT ROWID;

-- What was decided about a slot, and why: by a prune, a pin or an unpin.
CREATE TABLE tx_slot (
  tx INTEGER NOT NULL REFERENCES tx (id),
  slot INTEGER NOT NULL REFERENCES slot (id),
  decision TEXT NOT NULL CHECK (decision IN ('kept', 'freed', 'pinned', 'unpinned')),
  reason TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (tx, slot)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tx_undo_is_written_once BEFORE UPDATE ON tx_undo BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_undo_stays BEFORE DELETE ON tx_undo BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_revert_is_written_once BEFORE UPDATE ON tx_revert BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_revert_stays BEFORE DELETE ON tx_revert BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_selection_is_written_once BEFORE UPDATE ON tx_selection BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_selection_stays BEFORE DELETE ON tx_selection BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_policy_is_written_once BEFORE UPDATE ON tx_policy BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_policy_stays BEFORE DELETE ON tx_policy BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_slot_is_written_once BEFORE UPDATE ON tx_slot BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER tx_slot_stays BEFORE DELETE ON tx_slot BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Only a commit that moved the live tree has a generation: a prune and a pin have none.
DROP VIEW change_set_in_effect;
DROP VIEW committed_tx;
CREATE VIEW committed_tx AS
SELECT tx, seq, at_ms, detail ->> 'generation' AS generation FROM event
WHERE kind = 'committed' AND detail ->> 'generation' IS NOT NULL;
CREATE VIEW change_set_in_effect AS
SELECT id FROM change_set
WHERE (SELECT in_effect FROM tx_effect JOIN committed_tx ON committed_tx.tx = by_tx
       WHERE change_set = change_set.id ORDER BY by_tx DESC LIMIT 1) = 1;

-- For questions of the auditors' views: what happened to all transactions of one end, what somebody
-- did, what became of a slot, which slots are the largest.
CREATE INDEX event_by_kind ON event (kind);
CREATE INDEX tx_by_user ON tx (user, started_ms);
CREATE INDEX tx_unit_by_slot ON tx_unit (slot);
CREATE INDEX tx_slot_by_slot ON tx_slot (slot, tx);
CREATE INDEX slot_by_bytes ON slot (state, bytes);
