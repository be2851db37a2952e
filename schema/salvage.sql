-- What one salvage knows while it runs. In memory up to a few megabytes, then in a temporary file.

-- Headers of files and directories, wherever they were found; a member has two of them if it is whole.
CREATE TABLE fragment (
    id INTEGER PRIMARY KEY,
    header_offset INTEGER NOT NULL,
    data_offset INTEGER NOT NULL,
    -- What the header says.
    name BLOB NOT NULL,
    is_utf8 INTEGER NOT NULL,
    method INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    compressed_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    has_descriptor INTEGER NOT NULL,
    -- What its data is; NULL where that cannot be unpacked to its end.
    packed_bytes INTEGER,
    unpacked_bytes INTEGER,
    unpacked_crc32 INTEGER,
    sha256 BLOB,
    -- Whether data and header agree.
    is_sound INTEGER NOT NULL DEFAULT 0,
    -- Whether it stands where an earlier header says that its own data is.
    is_inside INTEGER NOT NULL DEFAULT 0,
    -- Why the data is damaged.
    why TEXT,
    -- What the name is: 'manifest', 'structure', 'file', 'directory' or 'strange'.
    role TEXT,
    -- Below the root; NULL where the name is no path of content.
    path TEXT
) STRICT;
CREATE INDEX fragment_data ON fragment (data_offset, method);

-- What the manifest lists, and what is saved without it.
CREATE TABLE entry (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('directory', 'file')),
    size_bytes INTEGER,
    sha256 BLOB,
    state TEXT NOT NULL DEFAULT 'missing',
    how TEXT,
    why TEXT,
    fragment INTEGER
) STRICT, WITHOUT ROWID;

-- Entries that have no path or no place on the disk.
CREATE TABLE refused (path TEXT NOT NULL, why TEXT NOT NULL) STRICT;
