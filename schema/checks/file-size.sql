-- file-size: A file member's size is the one in the manifest.
-- Cure: get the pack again from its producer.
SELECT e.path, 'has ' || m.bytes || ' bytes; the manifest says ' || e.bytes AS detail
FROM manifest_entry AS e JOIN member AS m ON m.path = e.path AND m.kind = 'file' WHERE e.kind = 'file' AND m.bytes <> e.bytes
UNION
SELECT e.path, 'has ' || o.bytes || ' bytes; the manifest says ' || e.bytes
FROM manifest_entry AS e JOIN observed AS o ON o.path = e.path WHERE e.kind = 'file' AND o.bytes <> e.bytes
ORDER BY 1;
