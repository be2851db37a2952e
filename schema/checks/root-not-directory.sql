-- root-not-directory: The target is absent or a directory; no policy replaces anything else.
-- Cure: move what stands there away.
SELECT uri AS path, 'is a ' || found || '; a directory is needed' AS detail FROM target_root
WHERE found NOT IN ('absent', 'empty-scope', 'directory') ORDER BY uri;
