-- restore-needs-backup: What is no backup is imported, not restored.
-- Cure: import this pack under a parent instead of restoring it.
SELECT root_uri AS path, 'this is not a backup; it is imported under a parent, not restored' AS detail FROM manifest, target
WHERE verb = 'restore' AND package_type IS NOT 'backup';
