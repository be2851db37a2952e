-- subtree-needs-parent: Only a pack of a whole scope goes to `viking://`.
-- Cure: import it under a parent in its own scope.
SELECT parent_uri AS path, root_uri || ' is below a scope; its parent must be in that scope' AS detail FROM manifest, target
WHERE verb = 'import' AND package_type IS NULL AND uri_depth > 1 AND parent_depth = 0;
