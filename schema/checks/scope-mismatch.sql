-- scope-mismatch: A pack stays in its scope.
-- Cure: import it under a parent in its own scope.
SELECT parent_uri AS path, 'is in scope `' || parent_scope || '`; the pack is of scope `' || uri_scope || '`' AS detail FROM manifest, target
WHERE verb = 'import' AND package_type IS NULL AND uri_scope <> parent_scope;
