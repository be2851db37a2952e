-- file-unexpected: A file member is a file of the manifest.
-- Cure: get the pack again from its producer.
SELECT DISTINCT m.path, CASE WHEN EXISTS (SELECT 1 FROM manifest_entry AS e WHERE e.path = m.path) THEN 'is a file member, but a directory in the manifest' ELSE 'is a member, but does not stand in the manifest' END AS detail
FROM member AS m WHERE m.kind = 'file' AND NOT EXISTS (SELECT 1 FROM manifest_entry AS e WHERE e.path = m.path AND e.kind = 'file') ORDER BY m.path;
