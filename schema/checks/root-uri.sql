-- root-uri: `root.uri` is a URI in a public scope whose leaf is `root.name`; a backup's is `viking://` and its name `openviking-backup`.
-- Cure: get the pack again from its producer.
SELECT '' AS path, 'root.uri is `' || root_uri || '`: ' || uri_fault AS detail FROM manifest WHERE uri_fault IS NOT NULL
UNION ALL
SELECT '', 'root.uri is `' || root_uri || '`; its leaf should be root.name `' || root_name || '`'
FROM manifest WHERE uri_fault IS NULL AND package_type IS NULL AND uri_leaf IS NOT root_name
UNION ALL
SELECT '', 'root.uri is `' || root_uri || '`; a backup has `viking://`'
FROM manifest WHERE uri_fault IS NULL AND package_type = 'backup' AND root_uri <> 'viking://'
UNION ALL
SELECT '', 'root.name is `' || root_name || '`; a backup has `openviking-backup`'
FROM manifest WHERE package_type = 'backup' AND root_name <> 'openviking-backup';
