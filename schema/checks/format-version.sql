-- format-version: `format_version` is one of those that the manifest's place tells.
-- Cure: get the pack again from its producer.
SELECT '' AS path, 'format_version is ' || format_version || '; expected ' || layout_versions AS detail
FROM manifest WHERE instr(', ' || layout_versions || ',', ', ' || format_version || ',') = 0;
