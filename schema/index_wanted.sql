-- What a tree is to have, while it is held against the documents that there are. Each connection has
-- its own.
CREATE TEMP TABLE wanted (
  path TEXT NOT NULL,
  level INTEGER NOT NULL,
  content_sha256 BLOB,
  record_sha256 BLOB,
  bytes INTEGER NOT NULL,                     -- of a file
  scalars TEXT NOT NULL,                      -- JSON object
  text TEXT,
  PRIMARY KEY (path, level)
) STRICT, WITHOUT ROWID;

-- Which document is the wanted one; null where it is still to be made.
CREATE TEMP VIEW wanted_document AS
SELECT wanted.*, (SELECT id FROM document WHERE document.path = wanted.path AND document.level = wanted.level
  AND document.content_sha256 IS wanted.content_sha256 AND document.record_sha256 IS wanted.record_sha256) AS document
FROM wanted;
