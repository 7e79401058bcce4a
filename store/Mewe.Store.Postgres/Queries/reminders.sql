-- name: reminder-put
INSERT INTO reminders (actor, name, hash, start_at, period, revision) VALUES (@actor, @name, @hash, @start_at, @period, nextval('reminder_revision'))
ON CONFLICT (actor, name) DO UPDATE SET hash = excluded.hash, start_at = excluded.start_at, period = excluded.period, revision = excluded.revision
RETURNING revision;
-- name: reminders-of-actor
SELECT actor, name, start_at, period, revision FROM reminders WHERE actor = @actor AND (@name::text IS NULL OR name = @name);
-- A range of a ring: after the first, up to the last, perhaps beyond the end and from the beginning again; the whole ring where the two are the same.
-- name: reminders-of-range
SELECT actor, name, start_at, period, revision FROM reminders
WHERE CASE WHEN @first < @last THEN hash > @first AND hash <= @last ELSE hash > @first OR hash <= @last END;
-- name: reminder-remove
DELETE FROM reminders WHERE actor = @actor AND name = @name AND revision = @revision;
-- name: reminders-clear
DELETE FROM reminders;
