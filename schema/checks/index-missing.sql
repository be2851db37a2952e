-- index-missing: What the manifest's `index` names is a member, under the name that the format gives it.
-- Cure: get the pack again from its producer.
SELECT claimed_path AS path, CASE WHEN claimed_path <> path THEN 'stands in index.' || name || '; expected `' || path || '`'
  ELSE 'stands in index.' || name || ', but there is no such member' END AS detail
FROM index_member WHERE is_claimed AND (claimed_path <> path OR member_bytes IS NULL) ORDER BY name;
