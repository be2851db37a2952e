-- One row for each file: what became of it. First those with a path, then members that have none.
SELECT path, state, how, why, size_bytes, sha256 FROM (
    SELECT 0 AS part, path, state, how, why, size_bytes, sha256 FROM entry WHERE kind = 'file' OR state = 'damaged'
    UNION ALL
    SELECT 0, path, 'damaged', NULL, why, NULL, NULL FROM refused
    UNION ALL
    -- One row for each place of data that nothing was saved from, and whose name says nothing that a
    -- row above has said.
    SELECT 1, coalesce(path, name), iif(is_sound, 'extra', 'damaged'), NULL,
        CASE
            WHEN NOT is_sound THEN coalesce(why, 'its bytes are not those that its headers say')
            WHEN role = 'strange' THEN 'its name is no path of this pack'
            WHEN EXISTS (SELECT 1 FROM entry WHERE entry.path = fragment.path AND entry.sha256 IS fragment.sha256)
                THEN 'a second copy'
            WHEN EXISTS (SELECT 1 FROM entry WHERE entry.path = fragment.path) THEN 'another file of this path'
            ELSE 'no entry of the manifest names it'
        END,
        unpacked_bytes, sha256
    FROM fragment
    WHERE role IN ('file', 'strange')
        AND id = (
            SELECT other.id FROM fragment AS other
            WHERE other.data_offset = fragment.data_offset ORDER BY other.is_sound DESC, other.path IS NULL, other.id LIMIT 1)
        AND NOT EXISTS (
            SELECT 1 FROM entry JOIN fragment AS used ON used.id = entry.fragment
            WHERE used.data_offset = fragment.data_offset)
        AND NOT EXISTS (
            SELECT 1 FROM entry
            WHERE entry.path = fragment.path AND (entry.state = 'damaged' OR NOT fragment.is_sound))
        AND (is_sound OR NOT EXISTS (
            SELECT 1 FROM fragment AS whole WHERE whole.path = fragment.path AND whole.is_sound))
)
ORDER BY part, path;
