-- index-unexpected: Index records and dense vectors are named by the manifest's `index`.
-- Cure: get the pack again from its producer.
SELECT path, 'is a member, but the manifest has no index.' || name AS detail
FROM index_member WHERE member_bytes IS NOT NULL AND NOT is_claimed ORDER BY name;
