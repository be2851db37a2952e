-- backup-needs-restore: A backup is restored, not imported.
-- Cure: restore this pack instead of importing it.
SELECT '' AS path, 'this is a backup; it is restored, not imported' AS detail FROM manifest, target
WHERE verb = 'import' AND package_type = 'backup';
