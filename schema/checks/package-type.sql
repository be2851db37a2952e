-- package-type: `root.package_type` is absent or `backup`.
-- Cure: use a version of ovpack that knows this type of pack.
SELECT '' AS path, 'root.package_type is `' || package_type || '`; expected `backup` or nothing' AS detail
FROM manifest WHERE package_type <> 'backup';
