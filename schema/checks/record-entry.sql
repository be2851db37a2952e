-- record-entry: An index record on a line of its own describes an entry of the manifest, of the same kind.
-- Cure: get the pack again from its producer.
SELECT r.path, 'the index record `' || r.record_id || '` describes ' || CASE WHEN e.path IS NULL THEN 'what stands not in the manifest'
  ELSE 'a ' || r.kind || '; the manifest has a ' || e.kind END AS detail
FROM index_record AS r LEFT JOIN manifest_entry AS e ON e.path = r.path
WHERE r.kind IS NOT NULL AND e.kind IS NOT r.kind ORDER BY r.path, r.record_id;
