-- Only these scopes: whatever a pack brings lies in one of them. Change the list to yours.
-- The root of a backup, viking://, lies in none and is passed over.
WITH allowed (scope) AS (VALUES ('resources'))
SELECT path, uri
FROM policy_entries
WHERE uri <> 'viking://'
  AND NOT EXISTS (
    SELECT 1 FROM allowed
    WHERE uri = 'viking://' || scope OR substr(uri, 1, length(scope) + 10) = 'viking://' || scope || '/'
  );
