-- dense-size: The dense vectors are count times dimensions numbers of four bytes each.
-- Cure: get the pack again from its producer.
SELECT path, 'has ' || member_bytes || ' bytes; index.dense says ' || count || ' vectors of ' || dimensions || ' dimensions of 4 bytes' AS detail
FROM index_member WHERE name = 'dense' AND is_claimed AND dimensions > 0
  AND (member_bytes % (4 * min(dimensions, 1 << 60)) <> 0 OR member_bytes / (4 * min(dimensions, 1 << 60)) <> count);
