-- What a transaction changed at and below :path: its own change rows, and what it put out of effect
-- or back into it, since a rollback copies no rows. Before is the state that the commits before it
-- left, with what was changed from outside since; after is that with its own effects.
WITH seen (id) AS (
  SELECT id FROM change_set WHERE tx = :tx AND origin = 'external'
), before_effect (id) AS MATERIALIZED (
  SELECT id FROM change_set
  WHERE (SELECT in_effect FROM tx_effect JOIN committed_tx ON committed_tx.tx = by_tx
         WHERE change_set = change_set.id AND by_tx < :tx ORDER BY by_tx DESC LIMIT 1) = 1
  UNION SELECT id FROM seen
), after_effect (id) AS MATERIALIZED (
  SELECT id FROM before_effect
  EXCEPT SELECT change_set FROM tx_effect WHERE by_tx = :tx AND in_effect = 0
  UNION SELECT change_set FROM tx_effect WHERE by_tx = :tx AND in_effect = 1
), touched (path) AS (
  SELECT DISTINCT path FROM tx_change
  WHERE change_set IN (SELECT change_set FROM tx_effect WHERE by_tx = :tx EXCEPT SELECT id FROM seen)
    AND path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
), side (path, old, new) AS (
  SELECT path,
    (SELECT max(change_set) FROM tx_change AS t WHERE t.path = touched.path AND change_set IN (SELECT id FROM before_effect)),
    (SELECT max(change_set) FROM tx_change AS t WHERE t.path = touched.path AND change_set IN (SELECT id FROM after_effect))
  FROM touched
)
SELECT side.path AS path,
  CASE WHEN old.new_kind IS NULL THEN 'added' WHEN new.new_kind IS NULL THEN 'removed' ELSE 'replaced' END AS change,
  old.new_kind AS old_kind, old.new_bytes AS old_bytes, old.new_sha256 AS old_sha256,
  new.new_kind AS new_kind, new.new_bytes AS new_bytes, new.new_sha256 AS new_sha256
FROM side
LEFT JOIN tx_change AS old ON old.change_set = side.old AND old.path = side.path
LEFT JOIN tx_change AS new ON new.change_set = side.new AND new.path = side.path
WHERE old.new_kind IS NOT new.new_kind OR old.new_bytes IS NOT new.new_bytes OR old.new_sha256 IS NOT new.new_sha256
ORDER BY side.path
