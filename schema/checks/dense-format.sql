-- dense-format: Dense vectors are float32, little-endian, and have at least one dimension.
-- Cure: get the pack again from its producer.
SELECT path, 'index.dense has dtype `' || dtype || '`; expected `float32`' AS detail FROM index_member WHERE dtype <> 'float32'
UNION ALL
SELECT path, 'index.dense has byte_order `' || byte_order || '`; expected `little`' FROM index_member WHERE byte_order <> 'little'
UNION ALL
SELECT path, 'index.dense has 0 dimensions; expected at least 1' FROM index_member WHERE dimensions = 0;
