-- The auditors' contract: views whose names and columns docs/journal.md lists. Made anew by each
-- version after its migrations; nothing is stored here. `tx` is a transaction's number, `..._ms` are
-- milliseconds since 1970-01-01 UTC, digests are lower-case hex, yes and no are 1 and 0.

-- One row a transaction, also where it was aborted or is still open.
CREATE VIEW audit_transactions AS
SELECT
  tx.id AS tx,
  tx.kind,
  (SELECT last.kind FROM event AS last WHERE last.tx = tx.id ORDER BY last.seq DESC LIMIT 1) AS state,
  CASE WHEN committed.seq IS NOT NULL THEN 'committed' WHEN aborted.seq IS NOT NULL THEN 'aborted' ELSE 'open' END AS outcome,
  tx.uri,
  tx.on_conflict,
  tx.undoes,
  CASE
    WHEN tx.undoes IS NULL THEN '[]'
    WHEN EXISTS (SELECT 1 FROM tx_undo WHERE tx_undo.tx = tx.id)
      THEN (SELECT json_group_array(undone) FROM tx_undo WHERE tx_undo.tx = tx.id)
    ELSE json_array(tx.undoes)
  END AS undone_list,
  CASE WHEN committed.seq IS NOT NULL THEN
    (SELECT last.in_effect FROM change_set JOIN tx_effect AS last ON last.change_set = change_set.id
     JOIN event AS ended ON ended.tx = last.by_tx AND ended.kind = 'committed'
     WHERE change_set.tx = tx.id AND change_set.origin = 'transaction' ORDER BY last.by_tx DESC LIMIT 1)
  END AS in_effect,
  tx.pack_path,
  tx.pack_bytes,
  tx.pack_mtime_ms,
  nullif(lower(hex(tx_pack.sha256)), '') AS pack_sha256,
  nullif(lower(hex(tx_pack.manifest_sha256)), '') AS pack_manifest_sha256,
  nullif(lower(hex(tx_pack.content_sha256)), '') AS pack_content_sha256,
  tx_pack.layout AS pack_layout,
  tx_pack.root_uri AS pack_root_uri,
  tx.tool_version,
  tx.argv,
  tx.user,
  tx.host,
  tx.started_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', tx.started_ms / 1000.0, 'unixepoch') AS started_at,
  coalesce(committed.at_ms, aborted.at_ms) AS finished_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(committed.at_ms, aborted.at_ms) / 1000.0, 'unixepoch') AS finished_at,
  aborting.detail ->> 'reason' AS reason,
  aborting.detail ->> 'message' AS message,
  tx_plan.added,
  tx_plan.replaced,
  tx_plan.unchanged,
  tx_plan.removed,
  tx_plan.files,
  tx_plan.bytes,
  committed.detail ->> 'generation' AS generation
FROM tx
LEFT JOIN event AS committed ON committed.tx = tx.id AND committed.kind = 'committed'
LEFT JOIN event AS aborting ON aborting.tx = tx.id AND aborting.kind = 'aborting'
LEFT JOIN event AS aborted ON aborted.tx = tx.id AND aborted.kind = 'aborted'
LEFT JOIN tx_pack ON tx_pack.tx = tx.id
LEFT JOIN tx_plan ON tx_plan.tx = tx.id;

-- One row for each path that a committed transaction changed. A rollback has no rows of its own for
-- what it undoes: it says of a change set that it is out of effect (its rows are shown inverted) or
-- in effect again (shown as they are). `change_tx` is the transaction that wrote the row.
CREATE VIEW audit_changes AS
SELECT
  effect.by_tx AS tx,
  CASE WHEN change_set.tx = effect.by_tx THEN change_set.origin ELSE 'rollback' END AS origin,
  change_set.tx AS change_tx,
  effect.change_set,
  tx_change.path,
  'viking://' || tx_change.path AS uri,
  CASE WHEN effect.in_effect THEN change ELSE
    CASE change WHEN 'added' THEN 'removed' WHEN 'removed' THEN 'added' ELSE change END END AS change,
  iif(effect.in_effect, old_kind, new_kind) AS old_kind,
  iif(effect.in_effect, old_bytes, new_bytes) AS old_bytes,
  nullif(lower(hex(iif(effect.in_effect, old_sha256, new_sha256))), '') AS old_sha256,
  iif(effect.in_effect, new_kind, old_kind) AS new_kind,
  iif(effect.in_effect, new_bytes, old_bytes) AS new_bytes,
  nullif(lower(hex(iif(effect.in_effect, new_sha256, old_sha256))), '') AS new_sha256,
  (SELECT last.in_effect FROM tx_effect AS last JOIN event AS ended ON ended.tx = last.by_tx AND ended.kind = 'committed'
   WHERE last.change_set = effect.change_set ORDER BY last.by_tx DESC LIMIT 1) = effect.in_effect AS in_effect,
  tx.user,
  committed.seq AS seq,
  committed.at_ms AS committed_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', committed.at_ms / 1000.0, 'unixepoch') AS committed_at
FROM tx_effect AS effect
JOIN tx ON tx.id = effect.by_tx
JOIN event AS committed ON committed.tx = effect.by_tx AND committed.kind = 'committed'
JOIN change_set ON change_set.id = effect.change_set
JOIN tx_change ON tx_change.change_set = effect.change_set;

-- The same rows with who did it, how, and the pack that the content came from: for a rollback that
-- brings rows back, the pack of the transaction that wrote them.
CREATE VIEW audit_path_history AS
SELECT
  row.path,
  row.uri,
  row.tx,
  row.origin,
  row.change_tx,
  row.change_set,
  row.change,
  row.old_kind,
  row.old_bytes,
  row.old_sha256,
  row.new_kind,
  row.new_bytes,
  row.new_sha256,
  row.in_effect,
  row.seq,
  row.committed_ms,
  row.committed_at,
  tx.kind,
  tx.user,
  tx.host,
  writer.pack_path,
  nullif(lower(hex(tx_pack.sha256)), '') AS pack_sha256
FROM audit_changes AS row
JOIN tx ON tx.id = row.tx
JOIN tx AS writer ON writer.id = row.change_tx
LEFT JOIN tx_pack ON tx_pack.tx = row.change_tx;

-- One row for each finding that is kept of a failed attempt; one row with reason and message where
-- it had none. `total` is the exact number of findings, of which at most 100 are kept.
CREATE VIEW audit_findings AS
SELECT
  aborting.tx,
  tx.kind,
  tx.uri,
  tx.user,
  tx.pack_path,
  aborting.at_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', aborting.at_ms / 1000.0, 'unixepoch') AS at,
  aborting.detail ->> 'reason' AS reason,
  coalesce(finding.value ->> 'code', aborting.detail ->> 'reason') AS code,
  finding.value ->> 'path' AS path,
  coalesce(finding.value ->> 'detail', aborting.detail ->> 'message') AS detail,
  coalesce(aborting.detail ->> 'total', 0) AS total
FROM event AS aborting
JOIN tx ON tx.id = aborting.tx
LEFT JOIN json_each(aborting.detail, '$.findings') AS finding
WHERE aborting.kind = 'aborting';

-- One row for each pattern by which an import or a restore took a part of its pack; none where it took
-- all of it.
CREATE VIEW audit_selections AS
SELECT tx, ordinal, sense, pattern FROM tx_selection;

-- The chain itself.
CREATE VIEW audit_events AS
SELECT
  seq,
  tx,
  kind,
  at_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS at,
  detail,
  nullif(lower(hex(rows_digest)), '') AS rows_digest,
  lower(hex(prev_hash)) AS prev_hash,
  lower(hex(hash)) AS hash
FROM event;

-- One row a slot: what it holds, since when and for which transaction, and what was last decided.
CREATE VIEW audit_slots AS
SELECT
  slot.id AS slot,
  slot.made_by,
  slot.holder,
  holder.kind AS holder_kind,
  holder.uri AS holder_uri,
  slot.holds,
  slot.bytes,
  nullif(lower(hex(slot.tree_digest)), '') AS tree_digest,
  slot.pinned,
  slot.state,
  committed.at_ms AS held_since_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', committed.at_ms / 1000.0, 'unixepoch') AS held_since,
  (SELECT json_group_array(path) FROM tx_unit WHERE tx_unit.tx = slot.holder AND tx_unit.slot = slot.id) AS paths,
  decided.tx AS decided_by,
  decided.decision,
  decided.reason
FROM slot
LEFT JOIN tx AS holder ON holder.id = slot.holder
LEFT JOIN event AS committed ON committed.tx = slot.holder AND committed.kind = 'committed'
LEFT JOIN tx_slot AS decided ON decided.slot = slot.id AND decided.tx = (
  SELECT last.tx FROM tx_slot AS last JOIN event AS ended ON ended.tx = last.tx AND ended.kind = 'committed'
  WHERE last.slot = slot.id ORDER BY last.tx DESC LIMIT 1);

-- One row for each record of the content index that is in effect. `tx` wrote it; `content_sha256` is what
-- it was written for, and it is stale where other content is there now. Created and updated are times of
-- commits in effect: of the content that it describes, and for `updated_...` of the record itself too.
CREATE VIEW audit_index AS
WITH effect (id) AS MATERIALIZED (SELECT id FROM change_set_in_effect),
written (id, at_ms) AS MATERIALIZED (
  SELECT change_set.id, committed_tx.at_ms FROM change_set JOIN committed_tx ON committed_tx.tx = change_set.tx
  WHERE change_set.id IN (SELECT id FROM effect)
), last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change WHERE change_set IN (SELECT id FROM effect) GROUP BY path
), here (path, kind, sha256, id) AS MATERIALIZED (
  SELECT last.path, new_kind, new_sha256, last.id FROM last
  JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path WHERE new_kind IS NOT NULL
), told AS (
  SELECT tx_index.*,
    CASE WHEN here.kind = 'file' THEN here.sha256 WHEN level = 2 THEN NULL ELSE described.sha256 END AS content,
    iif(here.kind = 'file' OR level = 2, here.path, coalesce(described.path, here.path)) AS content_path,
    iif(here.kind = 'file' OR level = 2, here.id, coalesce(described.id, here.id)) AS content_id
  FROM tx_index JOIN here ON here.path = tx_index.path AND here.kind = tx_index.kind
  LEFT JOIN here AS described ON described.path = tx_index.path || iif(level = 0, '/.abstract.md', '/.overview.md')
  WHERE tx_index.change_set IN (SELECT id FROM effect)
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY path, level ORDER BY content_sha256 IS content DESC, change_set DESC) AS place FROM told
), timed AS (
  SELECT ranked.*, max(record_written.at_ms, content_written.at_ms) AS updated_ms,
    (SELECT max(written.at_ms) FROM tx_change JOIN written ON written.id = tx_change.change_set
     WHERE tx_change.path = content_path AND old_kind IS NULL AND new_kind IS NOT NULL) AS created_ms
  FROM ranked
  JOIN written AS record_written ON record_written.id = ranked.change_set
  JOIN written AS content_written ON content_written.id = ranked.content_id
  WHERE place = 1 AND record_sha256 IS NOT NULL
)
SELECT
  timed.path,
  'viking://' || timed.path AS uri,
  timed.level,
  timed.kind,
  change_set.tx,
  timed.change_set,
  timed.origin,
  lower(hex(timed.record_sha256)) AS record_sha256,
  nullif(lower(hex(timed.content_sha256)), '') AS content_sha256,
  timed.content_sha256 IS NOT timed.content AS is_stale,
  index_record.scalars ->> 'type' AS type,
  index_record.scalars ->> 'name' AS name,
  index_record.scalars ->> 'description' AS description,
  index_record.scalars ->> 'tags' AS tags,
  index_record.scalars ->> 'abstract' AS abstract,
  index_record.text,
  timed.created_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', timed.created_ms / 1000.0, 'unixepoch') AS created_at,
  timed.updated_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', timed.updated_ms / 1000.0, 'unixepoch') AS updated_at,
  0 AS active_count
FROM timed
JOIN change_set ON change_set.id = timed.change_set
LEFT JOIN index_record ON index_record.sha256 = timed.record_sha256;

-- Rows that no event covers; none in a whole journal.
CREATE VIEW audit_uncovered_rows AS
WITH begun (tx) AS MATERIALIZED (SELECT tx FROM event WHERE kind = 'begun'),
     prepared (tx) AS MATERIALIZED (SELECT tx FROM event WHERE kind = 'prepared')
SELECT 'tx' AS table_name, id AS tx, json_array(id) AS key FROM tx WHERE id NOT IN begun
UNION ALL SELECT 'tx_undo', tx, json_array(tx, undone) FROM tx_undo WHERE tx NOT IN begun
UNION ALL SELECT 'tx_revert', tx, json_array(tx, path) FROM tx_revert WHERE tx NOT IN begun
UNION ALL SELECT 'tx_selection', tx, json_array(tx, ordinal) FROM tx_selection WHERE tx NOT IN begun
UNION ALL SELECT 'tx_pack', tx, json_array(tx) FROM tx_pack WHERE tx NOT IN prepared
UNION ALL SELECT 'tx_plan', tx, json_array(tx) FROM tx_plan WHERE tx NOT IN prepared
UNION ALL SELECT 'tx_unit', tx, json_array(tx, ordinal) FROM tx_unit WHERE tx NOT IN prepared
UNION ALL SELECT 'change_set', tx, json_array(id) FROM change_set WHERE tx NOT IN prepared
UNION ALL SELECT 'tx_change', NULL, json_array(change_set, path) FROM tx_change WHERE change_set NOT IN (SELECT id FROM change_set)
UNION ALL SELECT 'tx_effect', by_tx, json_array(by_tx, change_set) FROM tx_effect WHERE by_tx NOT IN prepared
UNION ALL SELECT 'tx_policy', tx, json_array(tx, ordinal) FROM tx_policy WHERE tx NOT IN prepared
UNION ALL SELECT 'tx_slot', tx, json_array(tx, slot) FROM tx_slot WHERE tx NOT IN prepared
UNION ALL SELECT 'tx_index', NULL, json_array(change_set, path, level) FROM tx_index WHERE change_set NOT IN (SELECT id FROM change_set)
UNION ALL SELECT 'event', event.tx, json_array(seq) FROM event WHERE event.tx NOT IN (SELECT id FROM tx);

-- Rows of `slot`, the one table that changes, against what the transactions made of it; none in a
-- whole journal. Slots of a transaction that is still open may be in the making.
CREATE VIEW audit_slot_faults AS
WITH exchange AS MATERIALIZED ( -- the last commit that moved a unit through the slot
  SELECT tx_unit.slot, max(event.seq) AS seq, tx_unit.tx AS holder,
    iif(tx_unit.action = 'create', 'nothing', 'tree') AS holds,
    old_inode AS inode, old_digest AS tree_digest, old_bytes AS bytes
  FROM tx_unit JOIN event ON event.tx = tx_unit.tx AND event.kind = 'committed' GROUP BY tx_unit.slot
), freed AS MATERIALIZED ( -- a decision to free is durable before the tree goes, and done at its commit
  SELECT tx_slot.slot, max(EXISTS (SELECT 1 FROM event AS ended WHERE ended.tx = tx_slot.tx AND ended.kind = 'committed')) AS is_done
  FROM tx_slot JOIN event ON event.tx = tx_slot.tx AND event.kind = 'prepared' WHERE decision = 'freed' GROUP BY tx_slot.slot
), pin AS MATERIALIZED (
  SELECT tx_slot.slot, max(event.seq) AS seq, tx_slot.decision = 'pinned' AS pinned
  FROM tx_slot JOIN event ON event.tx = tx_slot.tx AND event.kind = 'prepared' WHERE decision IN ('pinned', 'unpinned') GROUP BY tx_slot.slot
), expected AS MATERIALIZED (
  SELECT slot.id, exchange.holder,
    CASE
      WHEN freed.is_done THEN 'pruned'
      WHEN freed.is_done = 0 THEN iif(slot.state = 'pruned', 'pruned', 'pruning')
      WHEN exchange.holder IS NOT NULL THEN 'held'
      WHEN EXISTS (SELECT 1 FROM event WHERE event.tx = slot.made_by AND event.kind = 'aborted') THEN 'pruned'
      WHEN EXISTS (SELECT 1 FROM event WHERE event.tx = slot.made_by AND event.kind = 'committed') THEN 'held'
      ELSE slot.state
    END AS state,
    coalesce(pin.pinned, 0) AS pinned,
    exchange.holder IS NOT NULL AND slot.state <> 'pruned' AS is_full,
    exchange.holds, exchange.inode, exchange.tree_digest, exchange.bytes
  FROM slot
  LEFT JOIN exchange ON exchange.slot = slot.id
  LEFT JOIN freed ON freed.slot = slot.id
  LEFT JOIN pin ON pin.slot = slot.id
)
SELECT slot.id AS slot, 'made_by' AS "column", slot.made_by AS found, 'a transaction' AS expected
FROM slot WHERE slot.made_by NOT IN (SELECT id FROM tx)
UNION ALL SELECT id, 'holder', slot.holder, expected.holder FROM slot JOIN expected USING (id) WHERE slot.holder IS NOT expected.holder
UNION ALL SELECT id, 'state', slot.state, expected.state FROM slot JOIN expected USING (id) WHERE slot.state IS NOT expected.state
UNION ALL SELECT id, 'pinned', slot.pinned, expected.pinned FROM slot JOIN expected USING (id) WHERE slot.pinned IS NOT expected.pinned
UNION ALL SELECT id, 'holds', slot.holds, iif(is_full, expected.holds, 'nothing') FROM slot JOIN expected USING (id)
  WHERE slot.holds IS NOT iif(is_full, expected.holds, 'nothing')
UNION ALL SELECT id, 'inode', slot.inode, iif(is_full, expected.inode, NULL) FROM slot JOIN expected USING (id)
  WHERE slot.inode IS NOT iif(is_full, expected.inode, NULL)
UNION ALL SELECT id, 'tree_digest', lower(hex(slot.tree_digest)), lower(hex(iif(is_full, expected.tree_digest, NULL))) FROM slot JOIN expected USING (id)
  WHERE slot.tree_digest IS NOT iif(is_full, expected.tree_digest, NULL)
UNION ALL SELECT id, 'bytes', slot.bytes, iif(is_full, expected.bytes, 0) FROM slot JOIN expected USING (id)
  WHERE slot.bytes IS NOT iif(is_full, expected.bytes, 0)
UNION ALL SELECT slot, 'id', NULL, slot FROM (SELECT slot FROM tx_unit UNION SELECT slot FROM tx_slot) WHERE slot NOT IN (SELECT id FROM slot);
