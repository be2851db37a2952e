-- Full text and vectors over the index records and the files of a store. Everything here follows
-- from store.db and the live tree: the file may be deleted at any time.

-- How far the journal was read, and of which journal.
CREATE TABLE position (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- One row for each thing that can be found: a path at a level, with one content and one record. It
-- stays when a commit hides it, so that a rollback only has to show it again.
CREATE TABLE document (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  content_sha256 BLOB,                        -- null for a directory without a text
  record_sha256 BLOB,                         -- null where there is no index record
  is_live INTEGER NOT NULL CHECK (is_live IN (0, 1)),
  is_read INTEGER NOT NULL CHECK (is_read IN (0, 1)), -- 0: the file was not what the commit left; to be read again
  context_type TEXT NOT NULL,
  type TEXT,
  name TEXT NOT NULL,
  tags TEXT,
  abstract TEXT NOT NULL,
  passages INTEGER NOT NULL                   -- how many its text has; number p is row 256 * id + p of what follows
) STRICT;

CREATE INDEX document_by_path ON document (path, level, content_sha256, record_sha256);

-- Words by passage: what a path is called in each of them, what is said about it in the first. Pieces of
-- words by document.
CREATE VIRTUAL TABLE words USING fts5 (name, abstract, body, content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE grams USING fts5 (name, content = '', contentless_delete = 1, tokenize = 'trigram');

-- What is embedded: the first passages.
CREATE TABLE input (passage INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;

CREATE TABLE model (
  id INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  dimensions INTEGER NOT NULL
) STRICT;

-- A vector as 8-bit numbers; times `scale` they are the components, whose squares sum up to 1.
CREATE TABLE vector (
  passage INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES model (id),
  scale REAL NOT NULL,
  data BLOB NOT NULL
) STRICT;

-- Vectors that packs brought, made by the model of `identity`, until the documents are made that they
-- belong to.
CREATE TABLE given_vector (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  content_sha256 BLOB,
  record_sha256 BLOB NOT NULL,
  identity TEXT NOT NULL,
  scale REAL NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (path, level)
) STRICT, WITHOUT ROWID;

-- Why the last attempt at vectors ended early.
CREATE TABLE failure (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  reason TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
