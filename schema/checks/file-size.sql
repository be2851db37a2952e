-- file-size: A file member's size is the one in the manifest.
-- Cure: get the pack again from its producer.
-- Of members with one path the first counts: all pairs of repeated entries and members are too many to look at.
WITH claim AS (
  SELECT e.path, e.bytes, (SELECT m.bytes FROM member AS m WHERE m.path = e.path AND m.kind = 'file' ORDER BY m.ordinal LIMIT 1) AS found
  FROM manifest_entry AS e WHERE e.kind = 'file')
SELECT path, 'has ' || found || ' bytes; the manifest says ' || bytes AS detail FROM claim WHERE found <> bytes
UNION
SELECT e.path, 'has ' || o.bytes || ' bytes; the manifest says ' || e.bytes
FROM manifest_entry AS e JOIN observed AS o ON o.path = e.path WHERE e.kind = 'file' AND o.bytes <> e.bytes
ORDER BY 1;
