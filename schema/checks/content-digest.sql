-- content-digest: `content_sha256` is the digest of the file inventory.
-- Cure: get the pack again from its producer; its manifest was changed.
SELECT '' AS path, 'content_sha256 is ' || lower(hex(content_sha256)) || '; the entries give ' || lower(hex(inventory_sha256)) AS detail
FROM manifest WHERE inventory_sha256 IS NOT NULL AND inventory_sha256 <> content_sha256;
