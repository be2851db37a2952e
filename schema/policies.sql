-- What a policy may ask: three views and nothing else. Their columns are a contract (docs/policies.md).

-- What the reader knows of the pack beside its manifest; one row once policies are asked.
CREATE TABLE policy_fact (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  layout TEXT NOT NULL,
  kind TEXT NOT NULL,
  pack_bytes INTEGER NOT NULL
) STRICT;

CREATE VIEW policy_pack AS
SELECT fact.layout AS layout,
       manifest.root_uri AS root_uri,
       fact.kind AS kind,
       (SELECT CASE verb WHEN 'restore' THEN 'viking://' ELSE (SELECT uri FROM target_root) END FROM target) AS target_uri,
       (SELECT on_conflict FROM target) AS on_conflict,
       fact.pack_bytes AS pack_bytes,
       (SELECT count(*) FROM manifest_entry WHERE manifest_entry.kind = 'file') AS files,
       (SELECT coalesce(sum(bytes), 0) FROM manifest_entry WHERE manifest_entry.kind = 'file') AS bytes
FROM manifest, policy_fact AS fact;

CREATE VIEW policy_entries AS
SELECT entry.path AS path,
       CASE WHEN entry.path = '' THEN base.uri
            WHEN substr(base.uri, -1) = '/' THEN base.uri || entry.path
            ELSE base.uri || '/' || entry.path END AS uri,
       entry.kind AS kind,
       coalesce(entry.bytes, 0) AS bytes,
       lower(hex(entry.sha256)) AS sha256
FROM (SELECT path, kind, bytes, sha256 FROM manifest_entry) AS entry,
     (SELECT coalesce(target_uri, root_uri) AS uri FROM policy_pack) AS base;

CREATE VIEW policy_changes AS
SELECT path AS path,
       'viking://' || path AS uri,
       change AS change,
       old_kind AS old_kind,
       old_bytes AS old_bytes,
       lower(hex(old_sha256)) AS old_sha256,
       new_kind AS new_kind,
       new_bytes AS new_bytes,
       lower(hex(new_sha256)) AS new_sha256
FROM plan_change;
