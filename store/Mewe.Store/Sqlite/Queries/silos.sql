-- name: epoch-next
UPDATE silo_epoch SET last = last + 1 RETURNING last;
-- A name's own row is not in its way: it is replaced.
-- name: silo-of-another-scheduler
SELECT silo, epoch, workers, version, scheduler, registered_at, expires_at FROM silos WHERE scheduler <> $scheduler AND silo <> $silo AND expires_at > $now ORDER BY silo LIMIT 1;
-- name: silo-register
INSERT OR REPLACE INTO silos (silo, epoch, workers, version, scheduler, registered_at, expires_at) VALUES ($silo, $epoch, $workers, $version, $scheduler, $now, $expires);
-- name: silo-renew
UPDATE silos SET expires_at = $expires WHERE silo = $silo AND epoch = $epoch;
-- name: silo-newer
SELECT 1 FROM silos WHERE silo = $silo AND epoch > $epoch;
-- name: silo-valid
SELECT 1 FROM silos WHERE silo = $silo AND epoch = $epoch AND expires_at > $now;
-- name: silo-retire
DELETE FROM silos WHERE silo = $silo AND epoch = $epoch;
-- name: silos-list
SELECT silo, epoch, workers, version, scheduler, registered_at, expires_at FROM silos ORDER BY silo;
-- name: silos-expire
DELETE FROM silos WHERE expires_at <= $now;
-- name: functions-of-silo
SELECT job, function, attempt FROM functions WHERE state = 2 AND silo = $silo AND epoch = $epoch;
-- name: jobs-of-silo
SELECT id, state, attempt FROM jobs WHERE state IN (2, 4) AND silo = $silo AND epoch = $epoch;
-- name: functions-orphaned
SELECT job, function, rescues FROM functions AS orphan WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch);
-- name: function-rescue
UPDATE functions SET state = CASE WHEN $exhausted THEN 4 ELSE 1 END, rescues = rescues + 1, ended = 4, not_before = NULL,
    finished_at = CASE WHEN $exhausted THEN $now END, error_kind = CASE WHEN $exhausted THEN $kind ELSE error_kind END, error = CASE WHEN $exhausted THEN $error ELSE error END
WHERE job = $job AND function = $function;
-- name: jobs-orphaned
SELECT id, rescues FROM jobs AS orphan WHERE state IN (2, 4) AND NOT EXISTS (SELECT 1 FROM silos WHERE silos.silo = orphan.silo AND silos.epoch = orphan.epoch);
-- name: job-rescue
UPDATE jobs SET state = CASE WHEN $exhausted THEN 6 WHEN state = 2 THEN 1 ELSE 3 END, rescues = rescues + 1, ended = 4, retry_at = NULL,
    finished_at = CASE WHEN $exhausted THEN $now END, error_kind = CASE WHEN $exhausted THEN $kind ELSE error_kind END, error = CASE WHEN $exhausted THEN $error ELSE error END
WHERE id = $job;
