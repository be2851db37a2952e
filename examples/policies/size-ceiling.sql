-- A ceiling for the pack, its content and each of its files, in bytes. Change the numbers to yours.
WITH ceiling (pack_bytes, content_bytes, file_bytes) AS (VALUES (1000000000, 2000000000, 100000000))
SELECT path, policy_entries.bytes AS bytes, file_bytes AS ceiling
FROM policy_entries, ceiling
WHERE kind = 'file' AND policy_entries.bytes > file_bytes;

WITH ceiling (pack_bytes, content_bytes, file_bytes) AS (VALUES (1000000000, 2000000000, 100000000))
SELECT policy_pack.pack_bytes AS pack_bytes, bytes AS content_bytes, files
FROM policy_pack, ceiling
WHERE policy_pack.pack_bytes > ceiling.pack_bytes OR bytes > content_bytes;
