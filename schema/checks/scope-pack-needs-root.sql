-- scope-pack-needs-root: A pack of a whole scope goes to `viking://`.
-- Cure: import it under viking://.
SELECT parent_uri AS path, root_uri || ' is a whole scope; its parent is viking:// alone' AS detail FROM manifest, target
WHERE verb = 'import' AND package_type IS NULL AND uri_depth = 1 AND uri_scope IS NOT NULL AND parent_depth > 0 AND parent_scope = uri_scope;
