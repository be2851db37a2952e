-- member-repeated: No two members have one path after unescaping.
-- Cure: pack the content again in a layout that needs no escaping.
SELECT path, count(*) || ' members have this path; expected one' AS detail
FROM member GROUP BY path HAVING count(*) > 1 ORDER BY path;
