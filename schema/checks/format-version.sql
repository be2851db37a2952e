-- format-version: `format_version` is the one of the layout that the manifest's place tells.
-- Cure: get the pack again from its producer.
SELECT '' AS path, 'format_version is ' || format_version || '; expected ' || layout_version AS detail
FROM manifest WHERE format_version <> layout_version;
