-- Every view that views.sql has ever made: dropped before a migration, which may change what they read.

DROP VIEW IF EXISTS audit_transactions;
DROP VIEW IF EXISTS audit_path_history;
DROP VIEW IF EXISTS audit_changes;
DROP VIEW IF EXISTS audit_findings;
DROP VIEW IF EXISTS audit_selections;
DROP VIEW IF EXISTS audit_events;
DROP VIEW IF EXISTS audit_slots;
DROP VIEW IF EXISTS audit_index;
DROP VIEW IF EXISTS audit_uncovered_rows;
DROP VIEW IF EXISTS audit_slot_faults;
