-- dense-references: The references to dense vectors have the dimensions that `index.dense` says, follow each other from 0, and are as many as it says.
-- Cure: get the pack again from its producer.
WITH dense AS (SELECT path, count, dimensions FROM index_member WHERE name = 'dense' AND is_claimed),
     reference AS (SELECT record_id, path, dense_offset, dense_dimensions,
                     coalesce(lag(dense_offset) OVER in_order, 0) AS last_offset, lag(dense_dimensions, 1, 0) OVER in_order AS last_dimensions
                   FROM index_record WHERE dense_offset IS NOT NULL WINDOW in_order AS (ORDER BY dense_offset, ordinal))
SELECT path, 'the index record `' || record_id || '` refers to a dense vector, but the manifest has no index.dense' AS detail
FROM reference WHERE NOT EXISTS (SELECT 1 FROM dense)
UNION ALL
SELECT reference.path, 'the index record `' || record_id || '` refers to ' || dense_dimensions || ' dimensions; index.dense says ' || dimensions
FROM reference, dense WHERE dense_dimensions <> dimensions
UNION ALL
SELECT path, 'the index record `' || record_id || '` refers to offset ' || dense_offset || '; the vector before it ends at ' || last_offset || ' + ' || last_dimensions
FROM reference WHERE dense_offset - last_offset <> last_dimensions
UNION ALL
SELECT path, (SELECT count(*) FROM reference) || ' index records refer to vectors; index.dense says ' || count
FROM dense WHERE count <> (SELECT count(*) FROM reference)
ORDER BY 1, 2;
