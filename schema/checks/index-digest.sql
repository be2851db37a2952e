-- index-digest: Index records and dense vectors have the sha256 of the manifest's `index`.
-- Cure: get the pack again from its producer.
SELECT path, 'has sha256 ' || lower(hex(observed_sha256)) || '; index.' || name || ' says ' || lower(hex(sha256)) AS detail
FROM index_member WHERE observed_sha256 <> sha256 ORDER BY name;
