-- kind-differs: A merge puts files where files are, and directories where directories are.
-- Cure: move what stands there away, or leave that path of the pack out.
SELECT 'viking://' || path AS path, 'is a ' || staged.kind || ' in the pack and a ' || live.kind || ' in the store' AS detail
FROM staged_entry AS staged JOIN live_entry AS live USING (path) WHERE staged.kind <> live.kind ORDER BY path;
