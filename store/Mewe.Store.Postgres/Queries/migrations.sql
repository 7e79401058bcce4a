-- name: migration-lock
SELECT pg_advisory_xact_lock(@key);
-- name: migrations-table
CREATE TABLE IF NOT EXISTS mewe_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- name: migrations-there
SELECT to_regclass('mewe_migrations') IS NOT NULL;
-- name: migration-latest
SELECT coalesce(max(number), 0) FROM mewe_migrations;
-- name: migration-note
INSERT INTO mewe_migrations (number, name) VALUES (@number, @name);
