-- index-count: There are as many index records as the manifest's `index` says.
-- Cure: get the pack again from its producer.
SELECT path, 'has ' || observed_count || ' lines; index.' || name || ' says ' || count AS detail
FROM index_member WHERE observed_count <> count;
