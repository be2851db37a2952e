-- file-missing: A file of the manifest is a file member.
-- Cure: get the pack again from its producer.
SELECT DISTINCT e.path, CASE WHEN EXISTS (SELECT 1 FROM member AS m WHERE m.path = e.path) THEN 'is a file in the manifest, but a directory member' ELSE 'stands in the manifest, but there is no such member' END AS detail
FROM manifest_entry AS e WHERE e.kind = 'file' AND NOT EXISTS (SELECT 1 FROM member AS m WHERE m.path = e.path AND m.kind = 'file') ORDER BY e.path;
