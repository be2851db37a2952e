-- record-repeated: A `record_id` is used once.
-- Cure: get the pack again from its producer.
SELECT min(path) AS path, 'the record_id `' || record_id || '` stands ' || count(*) || ' times; expected once' AS detail
FROM index_record WHERE record_id IS NOT NULL GROUP BY record_id HAVING count(*) > 1 ORDER BY 1, record_id;
