-- The tree at and below :path as of right after transaction :at: at each path the new side of the
-- row with the highest change set that was in effect then. A null kind is absence.
WITH effect (id) AS MATERIALIZED (
  SELECT id FROM change_set
  WHERE (SELECT in_effect FROM tx_effect JOIN committed_tx ON committed_tx.tx = by_tx
         WHERE change_set = change_set.id AND by_tx <= :at ORDER BY by_tx DESC LIMIT 1) = 1
), last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
    AND change_set IN (SELECT id FROM effect)
  GROUP BY path
)
SELECT last.path, new_kind, new_bytes, new_sha256, last.id FROM last
JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path
ORDER BY last.path
