-- What a converted pack will hold, beside the staging rows of the pack that it comes from.

CREATE TABLE converted_entry (
  path TEXT PRIMARY KEY,                      -- below the new root
  kind TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,                -- 0 for a directory
  sha256 BLOB,                                -- null for a directory
  source TEXT,                                -- below the old root; null for a directory that a map needs
  member INTEGER                              -- ordinal of its member; null for a directory
) STRICT, WITHOUT ROWID;

CREATE TABLE converted_record (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  record INTEGER NOT NULL,                    -- its staged row
  kind TEXT NOT NULL,
  dense_offset INTEGER,                       -- null where its vector does not travel, or there is none
  PRIMARY KEY (path, level, record)
) STRICT, WITHOUT ROWID;
