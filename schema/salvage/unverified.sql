-- Takes what only its own headers vouch for, where the manifest is lost or damaged.
UPDATE entry SET state = 'unverified', how = 'named', why = 'the damaged manifest says other bytes',
    fragment = sound.id, size_bytes = sound.unpacked_bytes, sha256 = sound.sha256
FROM fragment AS sound
WHERE entry.kind = 'file' AND entry.fragment IS NULL AND sound.id = (
    SELECT id FROM fragment
    WHERE fragment.path = entry.path AND role = 'file' AND is_sound ORDER BY data_offset, id LIMIT 1);
INSERT OR IGNORE INTO entry (path, kind, size_bytes, sha256, state, how, fragment)
SELECT path, 'file', unpacked_bytes, sha256, 'unverified', 'named', id FROM fragment
WHERE role = 'file' AND is_sound ORDER BY data_offset, id;
INSERT OR IGNORE INTO entry (path, kind, state)
SELECT path, 'directory', 'unverified' FROM fragment
WHERE role = 'directory' AND is_sound ORDER BY data_offset, id;
