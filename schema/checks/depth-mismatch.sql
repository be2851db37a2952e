-- depth-mismatch: A subtree of a structured scope keeps its depth.
-- Cure: import it under a parent at the same depth as its old parent.
SELECT parent_uri AS path, 'would put the root at depth ' || (parent_depth + 1) || '; ' || root_uri || ' has depth ' || uri_depth AS detail FROM manifest, target
WHERE verb = 'import' AND package_type IS NULL AND uri_depth > 1 AND uri_scope = parent_scope
  AND uri_scope <> 'resources' AND parent_depth + 1 <> uri_depth;
