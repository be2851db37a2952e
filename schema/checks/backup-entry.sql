-- backup-entry: Every entry of a backup but the root is one of its scopes or lies below one.
-- Cure: get the backup again from its producer.
SELECT path, 'belongs to none of the backup''s scopes' AS detail FROM manifest_entry
WHERE path <> '' AND (SELECT package_type FROM manifest) = 'backup'
  AND (CASE instr(path, '/') WHEN 0 THEN path ELSE substr(path, 1, instr(path, '/') - 1) END NOT IN (SELECT scope FROM manifest_scope)
       OR (instr(path, '/') = 0 AND kind <> 'directory'))
ORDER BY path;
