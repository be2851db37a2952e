-- entry-incomplete: A file entry has `size` and `sha256`.
-- Cure: get the pack again from its producer.
SELECT path, 'has no ' || CASE WHEN bytes IS NULL AND sha256 IS NULL THEN '`size` and `sha256`' WHEN bytes IS NULL THEN '`size`' ELSE '`sha256`' END AS detail
FROM manifest_entry WHERE kind = 'file' AND (bytes IS NULL OR sha256 IS NULL) ORDER BY path;
