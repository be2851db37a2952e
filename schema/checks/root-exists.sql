-- root-exists: With the policy `fail` nothing is there yet; an empty scope directory counts as absent.
-- Cure: overwrite it, merge into it, skip it, or import under another parent.
SELECT uri AS path, 'exists' AS detail FROM target_root, target WHERE found = 'directory' AND on_conflict = 'fail' ORDER BY uri;
