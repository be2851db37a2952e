-- Finds the data of each file of the manifest: bytes of its size and digest, best under its own name.
CREATE INDEX fragment_path ON fragment (path) WHERE path IS NOT NULL;
CREATE INDEX fragment_sha256 ON fragment (sha256) WHERE sha256 IS NOT NULL;

UPDATE entry SET state = 'saved', how = 'named', fragment = (
    SELECT id FROM fragment
    WHERE fragment.path = entry.path AND role = 'file'
        AND fragment.sha256 = entry.sha256 AND unpacked_bytes = entry.size_bytes
    ORDER BY data_offset, id LIMIT 1)
WHERE kind = 'file';
UPDATE entry SET state = 'missing', how = NULL WHERE kind = 'file' AND fragment IS NULL;

-- The same bytes under another name: that of an entry which is whole, or a damaged name.
CREATE INDEX entry_fragment ON entry (fragment) WHERE fragment IS NOT NULL;
UPDATE entry SET state = 'saved', fragment = (
    SELECT id FROM fragment
    WHERE fragment.sha256 = entry.sha256 AND unpacked_bytes = entry.size_bytes
    ORDER BY data_offset, id LIMIT 1)
WHERE kind = 'file' AND fragment IS NULL
    AND EXISTS (SELECT 1 FROM fragment WHERE fragment.sha256 = entry.sha256 AND unpacked_bytes = entry.size_bytes);
UPDATE entry SET how = iif(
    EXISTS (
        SELECT 1 FROM fragment JOIN entry AS other ON other.path = fragment.path
        WHERE fragment.sha256 = entry.sha256 AND other.state = 'saved' AND other.how = 'named'),
    'copied', 'renamed')
WHERE kind = 'file' AND state = 'saved' AND how IS NULL;

UPDATE entry SET state = 'damaged', why = coalesce(
    (SELECT why FROM fragment WHERE fragment.path = entry.path AND role = 'file' AND why IS NOT NULL ORDER BY data_offset, id LIMIT 1),
    (SELECT iif(unpacked_bytes <> entry.size_bytes,
            printf('it has %d bytes; the manifest says %d', unpacked_bytes, entry.size_bytes),
            'its bytes are not those that the manifest says')
        FROM fragment WHERE fragment.path = entry.path AND role = 'file' ORDER BY data_offset, id LIMIT 1))
WHERE kind = 'file' AND fragment IS NULL
    AND EXISTS (SELECT 1 FROM fragment WHERE fragment.path = entry.path AND role = 'file');
