#!/usr/bin/env python3
"""Verify the journal of an ovpack store without ovpack (docs/journal.md describes what is computed).

usage: verify.py STORE/.ovpack/store.db [SEQ:HASH ...]

The heads are those that `ovpack journal head` printed and somebody kept elsewhere. Ends with 0 where
the journal is whole, and with 1 where it is not, naming the first bad row. Reads no content.
"""
import hashlib, json, sqlite3, sys
from urllib.parse import quote

VERSION = 4
SCHEMA = "abb9a8ef2a9b8586a6bb2ced92e9c02df8efa3b3d73877220b9e0c7f951ff81e"
BEGUN = {
    "tx": "id, kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms FROM tx WHERE id = ?",
    "tx_undo": "tx, undone FROM tx_undo WHERE tx = ? ORDER BY undone",
    "tx_revert": "tx, before_tx, path FROM tx_revert WHERE tx = ? ORDER BY path",
    "tx_selection": "tx, ordinal, sense, pattern FROM tx_selection WHERE tx = ? ORDER BY ordinal",
}
PREPARED = {
    "tx_pack": "tx, sha256, manifest_sha256, content_sha256, layout, root_uri FROM tx_pack WHERE tx = ?",
    "tx_plan": "tx, added, replaced, unchanged, removed, files, bytes FROM tx_plan WHERE tx = ?",
    "tx_unit": "tx, ordinal, path, action, slot, old_inode, old_digest, old_bytes, new_inode, new_digest, new_bytes FROM tx_unit WHERE tx = ? ORDER BY ordinal",
    "change_set": "id, tx, origin FROM change_set WHERE tx = ? ORDER BY id",
    "tx_change": "change_set, path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256 FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?) ORDER BY change_set, path",
    "tx_effect": "by_tx, change_set, in_effect FROM tx_effect WHERE by_tx = ? ORDER BY change_set",
    "tx_policy": "tx, ordinal, name, sha256 FROM tx_policy WHERE tx = ? ORDER BY ordinal",
    "tx_slot": "tx, slot, decision, reason, bytes FROM tx_slot WHERE tx = ? ORDER BY slot",
    "tx_index": "change_set, path, level, kind, content_sha256, origin, record_sha256 FROM tx_index WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?) ORDER BY change_set, path, level",
}
AFTER = {None: ["begun"], "begun": ["prepared", "aborting"], "prepared": ["committed", "back", "aborting"], "back": ["aborting"], "aborting": ["aborted"]}


class Bad(Exception):
    pass


def canonical(*values):
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def rows_digest(db, tx, tables):
    digest = hashlib.sha256()
    for table, query in tables.items():
        for row in db.execute("SELECT " + query, (tx,)):
            digest.update(canonical(table, *row) + b"\n")
    return digest.digest()


def schema_digest(db):
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
    return hashlib.sha256(b"".join(canonical(*row) + b"\n" for row in rows)).hexdigest()


def verify(db, heads):
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise Bad(f"user_version: it is {version}, expected {VERSION}")
    if schema_digest(db) != SCHEMA:
        raise Bad(f"sqlite_schema: digest {schema_digest(db)}, expected {SCHEMA}")
    store = db.execute("SELECT 'store', id, adopted, created_ms FROM store").fetchone()
    if store is None:
        raise Bad("store [1]: it is missing")
    seq, last, kinds, covered = 0, hashlib.sha256(canonical(*store)).digest(), {}, {}
    seen = {0: last.hex()}
    for event in db.execute("SELECT seq, tx, kind, at_ms, detail, rows_digest, prev_hash, hash FROM event ORDER BY seq"):
        number, tx, kind, _, _, rows, prev, digest = event
        if number != seq + 1:
            raise Bad(f"event [{seq + 1}]: it is missing")
        if prev != last or hashlib.sha256(canonical("event", *event[:7])).digest() != digest:
            raise Bad(f"event [{number}]: its columns, or the event before, give another hash")
        if kind not in AFTER.get(kinds.get(tx), []):
            raise Bad(f"event [{number}]: {kind} cannot follow {kinds.get(tx)}")
        tables = {"begun": BEGUN, "prepared": PREPARED}.get(kind)
        expected = rows_digest(db, tx, tables) if tables else covered.get(tx) if kind == "committed" else None
        if rows != expected:
            raise Bad(f"event [{number}]: it covers other rows of tx{tx}: " + ", ".join(tables or ["event"]))
        if kind == "prepared":
            covered[tx] = rows
        kinds[tx], seq, last = kind, number, digest
        seen[number] = digest.hex()
    for head in heads:
        number, _, kept = head.replace(" ", ":").partition(":")
        if seen.get(int(number)) != kept.lower():
            raise Bad(f"event [{number}]: its hash is {seen.get(int(number))}, kept elsewhere was {kept}")
    for table, key, _ in db.execute("SELECT table_name, key, tx FROM audit_uncovered_rows"):
        raise Bad(f"{table} {key}: no event covers it")
    for slot, column, found, wanted in db.execute('SELECT slot, "column", found, expected FROM audit_slot_faults ORDER BY slot'):
        raise Bad(f"slot [{slot}]: {column} is {found}, its transactions leave {wanted}")
    for sha256, scalars, text in db.execute("SELECT sha256, scalars, text FROM index_record"):
        if hashlib.sha256(canonical(scalars, text)).digest() != sha256:
            raise Bad(f"index_record [{sha256.hex()}]: its columns give another digest")
    for told, in db.execute("PRAGMA integrity_check(1)"):
        if told != "ok":
            raise Bad(f"store.db: {told}")
    for row in db.execute("PRAGMA foreign_key_check"):
        raise Bad(f"{row[0]} [{row[1]}]: it refers to a row of {row[2]} that is not there")
    return f"{seq} {last.hex()}"


def connect(path):
    db = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    return db


FAULTS = (Bad, sqlite3.Error, ValueError, TypeError)

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        print(verify(connect(sys.argv[1]), sys.argv[2:]))
    except FAULTS as error:
        sys.exit(f"the journal is damaged: {error}")
