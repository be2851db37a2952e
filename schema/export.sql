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

-- What packs said of paths, as far as it is in effect.
CREATE TABLE record (
    path TEXT NOT NULL,
    level INTEGER NOT NULL,
    -- JSON object, without those scalars that follow from the place.
    scalars TEXT NOT NULL,
    text TEXT,
    -- Digest of the file, or of the text that describes the directory, that it was written for.
    content_sha256 BLOB,
    PRIMARY KEY (path, level)
) STRICT, WITHOUT ROWID;
