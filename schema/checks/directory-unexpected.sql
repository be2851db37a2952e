-- directory-unexpected: A directory member is a directory of the manifest; the root stands in both.
-- Cure: get the pack again from its producer.
SELECT DISTINCT m.path, CASE m.path WHEN '' THEN 'the root directory is a member, but does not stand in the manifest' ELSE 'is a directory member, but does not stand in the manifest' END AS detail
FROM member AS m WHERE m.kind = 'directory' AND NOT EXISTS (SELECT 1 FROM manifest_entry AS e WHERE e.path = m.path AND e.kind = 'directory')
UNION ALL
SELECT '', 'the root directory stands neither in the manifest nor among the members'
WHERE NOT EXISTS (SELECT 1 FROM manifest_entry WHERE path = '' AND kind = 'directory') AND NOT EXISTS (SELECT 1 FROM member WHERE path = '' AND kind = 'directory')
ORDER BY 1;
