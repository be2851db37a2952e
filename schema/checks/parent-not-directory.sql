-- parent-not-directory: The way to the target is made of directories.
-- Cure: move the file away, or import under another parent.
SELECT 'viking://' || path AS path, 'is a ' || found || '; a directory is needed' AS detail FROM target_ancestor
WHERE found NOT IN ('absent', 'directory') ORDER BY path;
