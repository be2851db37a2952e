-- backup-scopes: A backup's `scopes` are public, without repeats, and equal to the scope directories in `entries`.
-- Cure: get the backup again from its producer.
WITH listed AS (SELECT scope FROM manifest_scope),
     carried AS (SELECT path AS scope FROM manifest_entry WHERE kind = 'directory' AND path <> '' AND instr(path, '/') = 0)
SELECT '' AS path, 'a backup has no `scopes`' AS detail FROM manifest WHERE package_type = 'backup' AND NOT has_scopes
UNION ALL
SELECT scope, 'is no public scope; expected resources, user, agent or session' FROM listed
WHERE scope NOT IN ('resources', 'user', 'agent', 'session') AND (SELECT package_type FROM manifest) = 'backup'
UNION ALL
SELECT scope, 'stands ' || count(*) || ' times in `scopes`; expected once' FROM listed
WHERE (SELECT package_type FROM manifest) = 'backup' GROUP BY scope HAVING count(*) > 1
UNION ALL
SELECT DISTINCT scope, 'stands in `scopes`, but no directory entry has it' FROM listed
WHERE scope NOT IN (SELECT scope FROM carried) AND (SELECT package_type FROM manifest) = 'backup'
UNION ALL
SELECT DISTINCT scope, 'is a directory of the backup, but does not stand in `scopes`' FROM carried
WHERE scope NOT IN (SELECT scope FROM listed) AND (SELECT package_type FROM manifest) = 'backup' AND (SELECT has_scopes FROM manifest)
ORDER BY path;
