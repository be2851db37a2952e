-- What was changed from outside before a transaction saw it, at and below :path.
SELECT path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM tx_change
WHERE change_set IN (SELECT id FROM change_set WHERE tx = :tx AND origin = 'external')
  AND path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
ORDER BY path
