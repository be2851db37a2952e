-- entry-repeated: A path is listed once in the manifest.
-- Cure: get the pack again from its producer.
SELECT path, 'stands ' || count(*) || ' times in the manifest; expected once' AS detail
FROM manifest_entry GROUP BY path HAVING count(*) > 1 ORDER BY path;
