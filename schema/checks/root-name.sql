-- root-name: `root.name` is the name of the ZIP's root.
-- Cure: get the pack again from its producer.
SELECT '' AS path, 'root.name is `' || root_name || '`; the ZIP root is `' || zip_root || '`' AS detail
FROM manifest WHERE root_name <> zip_root;
