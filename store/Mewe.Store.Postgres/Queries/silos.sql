-- Silos of different schedulers that register at once must see each other.
-- name: register-lock
SELECT pg_advisory_xact_lock(@key);
-- A name's own row is not in its way: it is replaced.
-- name: silo-of-another-scheduler
SELECT silo, epoch, workers, version, scheduler, registered_at, expires_at, true AS alive FROM silos
WHERE scheduler <> @scheduler AND silo <> @silo AND expires_at > clock_timestamp() ORDER BY silo COLLATE "C" LIMIT 1;
-- name: silo-register
INSERT INTO silos (silo, epoch, workers, version, scheduler, expires_at) VALUES (@silo, nextval('silo_epoch'), @workers, @version, @scheduler, clock_timestamp() + @lease)
ON CONFLICT (silo) DO UPDATE SET epoch = excluded.epoch, workers = excluded.workers, version = excluded.version, scheduler = excluded.scheduler, registered_at = excluded.registered_at,
    expires_at = excluded.expires_at
RETURNING epoch;
-- name: silo-renew
WITH renewed AS (
    UPDATE silos SET expires_at = clock_timestamp() + @lease WHERE silo = @silo AND epoch = @epoch RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM renewed) THEN 1 WHEN EXISTS (SELECT 1 FROM silos WHERE silo = @silo AND epoch > @epoch) THEN 3 ELSE 2 END;
-- name: silo-retire
DELETE FROM silos WHERE silo = @silo AND epoch = @epoch;
-- name: silos-list
SELECT silo, epoch, workers, version, scheduler, registered_at, expires_at, expires_at > clock_timestamp() AS alive FROM silos ORDER BY silo COLLATE "C";
-- name: functions-of-silo
SELECT job, function, attempt FROM functions WHERE state = 2 AND silo = @silo AND epoch = @epoch;
-- name: jobs-of-silo
SELECT id, state, attempt FROM jobs WHERE state IN (2, 4) AND silo = @silo AND epoch = @epoch;
-- name: rescue-lock
SELECT pg_try_advisory_xact_lock(@key);
-- name: silos-expire
DELETE FROM silos WHERE expires_at <= clock_timestamp();
-- What looks like an orphan is locked first, and looked at again by the next statement: where a row changes while one waits for its lock, PostgreSQL compares the new row, but does not look for its silo again,
-- and would take a function away from a live silo that has just claimed it.
-- name: functions-orphaned
SELECT job, function FROM functions AS orphan
WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch)
ORDER BY job, function FOR UPDATE OF orphan;
-- name: functions-rescue
WITH orphans AS (
    SELECT job, function FROM functions AS orphan
    WHERE state = 2 AND (job, function) IN (SELECT * FROM unnest(@jobs, @functions))
        AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch)
), rescued AS (
    UPDATE functions AS f SET state = CASE WHEN rescues + 1 >= @most THEN 4 ELSE 1 END, rescues = rescues + 1, ended = 4, not_before = NULL,
        finished_at = CASE WHEN rescues + 1 >= @most THEN clock_timestamp() END,
        error_kind = CASE WHEN rescues + 1 >= @most THEN @kind ELSE error_kind END, error = CASE WHEN rescues + 1 >= @most THEN @error ELSE error END
    FROM orphans WHERE f.job = orphans.job AND f.function = orphans.function
    RETURNING f.job, f.state
), counts AS (
    SELECT job, count(*) FILTER (WHERE state = 1) AS again, count(*) FILTER (WHERE state = 4) AS exhausted FROM rescued GROUP BY job
), locked AS (
    SELECT work.job, again, exhausted FROM job_work AS work JOIN counts ON counts.job = work.job ORDER BY work.job FOR UPDATE OF work
), counted AS (
    UPDATE job_work AS work SET running = running - again - exhausted, ready = ready + again, failed = failed + exhausted FROM locked WHERE work.job = locked.job
)
SELECT coalesce(sum(again), 0)::integer, coalesce(sum(exhausted), 0)::integer FROM counts;
-- name: jobs-orphaned
SELECT id, 0 FROM jobs AS orphan
WHERE state IN (2, 4) AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch)
ORDER BY id FOR UPDATE OF orphan;
-- name: jobs-rescue
WITH orphans AS (
    SELECT id FROM jobs AS orphan
    WHERE id = ANY (@jobs) AND state IN (2, 4) AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch)
), rescued AS (
    UPDATE jobs SET state = CASE WHEN rescues + 1 >= @most THEN 6 WHEN state = 2 THEN 1 ELSE 3 END, rescues = rescues + 1, ended = 4, retry_at = NULL,
        finished_at = CASE WHEN rescues + 1 >= @most THEN clock_timestamp() END,
        error_kind = CASE WHEN rescues + 1 >= @most THEN @kind ELSE error_kind END, error = CASE WHEN rescues + 1 >= @most THEN @error ELSE error END
    FROM orphans WHERE jobs.id = orphans.id
    RETURNING jobs.id, jobs.state
), locked AS (
    SELECT work.job FROM job_work AS work JOIN rescued ON rescued.id = work.job WHERE rescued.state = 6 ORDER BY work.job FOR UPDATE OF work
), closed AS (
    UPDATE job_work AS work SET open = false FROM locked WHERE work.job = locked.job
)
SELECT count(*) FILTER (WHERE state <> 6)::integer, count(*) FILTER (WHERE state = 6)::integer FROM rescued;
