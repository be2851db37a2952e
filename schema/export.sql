-- What one export knows while it runs. In memory up to a few megabytes, then in a temporary file.

-- Every entry that goes into the pack, as it was found and in that order: sorted once, when all are
-- known. A directory that changes while it is listed may give a name twice.
CREATE TABLE listed (
    -- Below the pack's root; empty for the root itself.
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- 0 for a directory.
    size_bytes INTEGER NOT NULL
) STRICT;

-- Every entry that is in the pack, in its order: that of the paths. Texts compare by their bytes,
-- which for UTF-8 is code-point order.
CREATE TABLE entry (
    position INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('directory', 'file')),
    -- When the file was packed; 0 for a directory.
    size_bytes INTEGER NOT NULL,
    -- NULL for a directory.
    sha256 BLOB CHECK (length(sha256) = 32)
) STRICT;

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
