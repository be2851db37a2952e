-- The records in effect at and below `:path`: `p`, and what sorts from `p/` to before `p0`.
WITH effect (id) AS MATERIALIZED (SELECT id FROM change_set_in_effect),
last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
    AND change_set IN (SELECT id FROM effect)
  GROUP BY path
), here (path, kind, sha256) AS MATERIALIZED (
  SELECT last.path, new_kind, new_sha256 FROM last
  JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path WHERE new_kind IS NOT NULL
), told AS (
  SELECT tx_index.*,
    CASE WHEN here.kind = 'file' THEN here.sha256
         WHEN level = 2 THEN NULL
         ELSE described.sha256 END AS content
  FROM tx_index JOIN here ON here.path = tx_index.path AND here.kind = tx_index.kind
  -- As a join, not as a subquery for each row: only for a join does SQLite index what it looks in.
  LEFT JOIN here AS described ON described.path = tx_index.path || iif(level = 0, '/.abstract.md', '/.overview.md')
  WHERE tx_index.path >= :path AND tx_index.path < :end
    AND (:path = '' OR tx_index.path = :path OR substr(tx_index.path, length(:path) + 1, 1) = '/')
    AND tx_index.change_set IN (SELECT id FROM effect)
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY path, level ORDER BY content_sha256 IS content DESC, change_set DESC) AS place FROM told
), indexed AS (
  SELECT * FROM ranked WHERE place = 1 AND record_sha256 IS NOT NULL
)
