-- user-id: In v3 a `user_id` is the component after `user/` of what it stands with.
-- Cure: get the pack again from its producer.
SELECT path, CASE what WHEN 'root' THEN 'root.user_id' WHEN 'record' THEN 'an index record''s user_id' ELSE 'its user_id' END
  || ' is `' || user_id || '`; ' || coalesce('expected `' || owner || '`', 'it lies below no user') AS detail
FROM located WHERE user_id IS NOT NULL AND owner IS NOT user_id AND (SELECT layout = 'v3' AND uri_path IS NOT NULL FROM manifest)
ORDER BY path, what;
