-- name: job-submit
INSERT INTO jobs (id, name, module, options, workload, link_plan, owner, priority, not_before)
VALUES (@job, @name, @module, @options, @workload, @link_plan, @owner, @priority, @not_before) ON CONFLICT DO NOTHING;
-- name: job-submit-work
INSERT INTO job_work (job, priority, weight, max_attempts, trace_parent) VALUES (@job, @priority, @weight, @max_attempts, @trace_parent);
-- name: job-get
SELECT * FROM job_progress WHERE id = @job;
-- name: job-progress
SELECT id, state, total, available, running, done, failed, cancelled, variants, proposed, tested, refuted FROM job_progress WHERE id = ANY (@jobs);
-- name: jobs-list
SELECT * FROM job_progress
WHERE (@after::uuid IS NULL OR id < @after) AND (@state::smallint IS NULL OR state = @state) AND (@owner::text IS NULL OR owner = @owner) AND (@module::bytea IS NULL OR module = @module)
ORDER BY id DESC LIMIT @limit;
-- name: functions-list
SELECT * FROM functions WHERE job = @job AND function > @after AND (@state::smallint IS NULL OR state = @state) ORDER BY function LIMIT @limit;
-- name: variants-list
SELECT * FROM variants
WHERE job = @job AND (function, ordinal) > (@function_after, @ordinal_after)
    AND (@function::integer IS NULL OR function = @function) AND (@evidence::smallint IS NULL OR evidence = @evidence) AND (@linked::boolean IS NULL OR linked = @linked)
ORDER BY function, ordinal LIMIT @limit;
-- name: job-cancel
UPDATE jobs SET state = 7, finished_at = clock_timestamp(), ended = CASE WHEN state IN (2, 4) THEN 5 ELSE ended END WHERE id = @job AND state < 5;
-- name: functions-cancel
WITH locked AS (
    SELECT job, function FROM functions WHERE job = @job AND state IN (1, 2) ORDER BY function FOR UPDATE
)
UPDATE functions AS f SET state = 5, delayed = false, finished_at = clock_timestamp(), ended = CASE state WHEN 2 THEN 5 ELSE ended END
FROM locked WHERE f.job = locked.job AND f.function = locked.function;
-- name: work-cancel
UPDATE job_work SET open = false, cancelled = cancelled + ready + delayed + running, ready = 0, delayed = 0, running = 0 WHERE job = @job;
-- name: job-retry
UPDATE jobs SET state = CASE WHEN plan IS NULL THEN 1 ELSE 3 END, finished_at = NULL, retry_at = NULL, failures = 0, rescues = 0, error_kind = NULL, error = NULL,
    output_module = NULL, output_report = NULL, output_plan = NULL
WHERE id = @job AND (state IN (6, 7) OR state = 5 AND (SELECT work.failed FROM job_work AS work WHERE work.job = id) > 0);
-- name: functions-retry
WITH locked AS (
    SELECT job, function FROM functions WHERE job = @job AND state IN (4, 5) ORDER BY function FOR UPDATE
)
UPDATE functions AS f SET state = 1, failures = 0, rescues = 0, not_before = NULL, finished_at = NULL, error_kind = NULL, error = NULL
FROM locked WHERE f.job = locked.job AND f.function = locked.function;
-- name: work-retry
UPDATE job_work SET open = (SELECT plan IS NOT NULL FROM jobs WHERE id = job), ready = ready + failed + cancelled, failed = 0, cancelled = 0 WHERE job = @job;
-- name: variants-unlink
UPDATE variants SET linked = false WHERE job = @job AND linked;
-- name: jobs-prunable
SELECT id FROM jobs WHERE state >= 5 AND finished_at < clock_timestamp() - @older ORDER BY finished_at LIMIT @limit FOR UPDATE SKIP LOCKED;
-- name: jobs-prune-variants
DELETE FROM variants WHERE job = ANY (@jobs);
-- name: jobs-prune-results
DELETE FROM function_results WHERE job = ANY (@jobs);
-- name: jobs-prune-functions
DELETE FROM functions WHERE job = ANY (@jobs);
-- name: jobs-prune
DELETE FROM jobs WHERE id = ANY (@jobs);
-- name: notify
SELECT pg_notify('mewe_work', @payload);
-- name: listen
LISTEN mewe_work;
