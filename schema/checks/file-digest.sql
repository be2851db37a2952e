-- file-digest: A file member's bytes have the sha256 of the manifest.
-- Cure: get the pack again from its producer.
SELECT e.path, 'has sha256 ' || lower(hex(o.sha256)) || '; the manifest says ' || lower(hex(e.sha256)) AS detail
FROM manifest_entry AS e JOIN observed AS o ON o.path = e.path WHERE e.kind = 'file' AND o.sha256 <> e.sha256 ORDER BY e.path;
