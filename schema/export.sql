-- What one export knows while it runs. In memory up to a few megabytes, then in a temporary file.

-- Every entry of the pack. Texts compare by their bytes, which for UTF-8 is code-point order.
CREATE TABLE entry (
    -- Below the pack's root; empty for the root itself.
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('directory', 'file')),
    -- When the tree was listed, then when the file was packed; 0 for a directory.
    size_bytes INTEGER NOT NULL,
    -- NULL for a directory, and for a file that is not packed yet.
    sha256 BLOB CHECK (length(sha256) = 32)
) STRICT, WITHOUT ROWID;

-- The texts of directories that get index records. NULL where a directory has none that travels.
CREATE TABLE described (
    path TEXT PRIMARY KEY,
    abstract TEXT,
    overview TEXT
) STRICT, WITHOUT ROWID;
