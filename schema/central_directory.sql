-- The central directory of a pack in the making, in pieces of bytes: a million members need
-- 100 MB of it, which stand at the end of the file and are known only when all members are written.
CREATE TABLE piece (
    position INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
