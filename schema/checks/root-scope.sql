-- root-scope: `root.scope` is the scope of `root.uri`; `root` in a backup.
-- Cure: get the pack again from its producer.
SELECT '' AS path, 'root.scope is `' || root_scope || '`; root.uri is `' || root_uri || '`' AS detail FROM manifest
WHERE uri_fault IS NULL AND root_scope <> CASE package_type WHEN 'backup' THEN 'root' ELSE coalesce(uri_scope, '') END;
