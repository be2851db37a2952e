-- file-as-directory: No file stands where another entry or member needs a directory.
-- Cure: get the pack again from its producer.
WITH file AS (SELECT path FROM manifest_entry WHERE kind = 'file' UNION SELECT path FROM member WHERE kind = 'file')
SELECT path, 'is a file, but something lies below it' AS detail FROM file
WHERE path = '' AND EXISTS (SELECT 1 FROM member WHERE member.path <> '')
   OR path <> '' AND (EXISTS (SELECT 1 FROM member WHERE member.path > file.path || '/' AND member.path < file.path || '0')
   OR EXISTS (SELECT 1 FROM manifest_entry WHERE manifest_entry.path > file.path || '/' AND manifest_entry.path < file.path || '0'))
ORDER BY path;
