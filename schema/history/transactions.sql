-- Transactions with what became of them, newest first. A filter that is null asks for nothing.
-- :uri and :path are asked with their subtrees: `p`, and what sorts from `p/` to before `p0`.
SELECT tx.id, tx.kind, tx.uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, started_ms,
  tx_pack.sha256, manifest_sha256, content_sha256, layout, root_uri,
  coalesce(added, 0), coalesce(replaced, 0), coalesce(unchanged, 0), coalesce(removed, 0), coalesce(files, 0), coalesce(bytes, 0),
  last.kind, last.at_ms, committed.detail ->> 'generation', aborting.detail
FROM tx
JOIN event AS last ON last.seq = (SELECT max(seq) FROM event WHERE event.tx = tx.id)
LEFT JOIN event AS committed ON committed.tx = tx.id AND committed.kind = 'committed'
LEFT JOIN event AS aborting ON aborting.tx = tx.id AND aborting.kind = 'aborting'
LEFT JOIN tx_pack ON tx_pack.tx = tx.id
LEFT JOIN tx_plan ON tx_plan.tx = tx.id
WHERE (:id IS NULL OR tx.id = :id)
  AND (:before IS NULL OR tx.id < :before)
  AND (:kind IS NULL OR tx.kind = :kind)
  AND (:user IS NULL OR user = :user)
  AND (:since_ms IS NULL OR started_ms >= :since_ms)
  AND (:until_ms IS NULL OR started_ms <= :until_ms)
  AND (:outcome IS NULL OR :outcome = CASE WHEN last.kind IN ('committed', 'aborted') THEN last.kind ELSE 'open' END)
  AND (:pack_sha256 IS NULL OR substr(lower(hex(tx_pack.sha256)), 1, length(:pack_sha256)) = :pack_sha256)
  -- The root at, above or below :uri; what concerns slots has no root.
  AND (:uri IS NULL OR :uri = 'viking://' OR (tx.kind NOT IN ('prune', 'pin', 'unpin') AND (
    tx.uri IN ('viking://', :uri) OR substr(tx.uri, 1, length(:uri) + 1) = :uri || '/' OR substr(:uri, 1, length(tx.uri) + 1) = tx.uri || '/')))
  -- A rollback changes what it puts out of effect, or back into it.
  AND (:path IS NULL OR tx.id IN (
    SELECT by_tx FROM tx_effect JOIN change_set ON change_set.id = change_set AND (origin = 'transaction' OR :external)
    WHERE change_set IN (
      SELECT change_set FROM tx_change
      WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/'))))
ORDER BY tx.id DESC LIMIT :limit
