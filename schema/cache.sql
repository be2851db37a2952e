-- The stat cache: digests of live files that were read before. May be deleted at any time.
--
-- One row an inode, not a path: when a tree is exchanged between the live tree and a slot its paths
-- change and its inodes do not.
CREATE TABLE file_hash (
    -- An unsigned number of the file system, its 64 bits taken as signed.
    inode INTEGER PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    -- When the reading began that gave the digest.
    taken_ns INTEGER NOT NULL,
    -- CRC-32 of all of the above: nothing here is synced, so a power loss may leave half a page.
    crc32 INTEGER NOT NULL
) STRICT;
