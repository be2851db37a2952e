-- directory-missing: A directory of the manifest is a directory member.
-- Cure: get the pack again from its producer.
SELECT DISTINCT e.path, CASE e.path WHEN '' THEN 'the root directory stands in the manifest, but there is no such member' ELSE 'stands in the manifest as a directory, but there is no such member' END AS detail
FROM manifest_entry AS e WHERE e.kind = 'directory' AND NOT EXISTS (SELECT 1 FROM member AS m WHERE m.path = e.path AND m.kind = 'directory') ORDER BY e.path;
