-- Jobs to link are found among the few that are open, jobs to plan in the index of queued ones. What made a job a candidate is looked at again on the locked rows, as they are by then.
-- name: jobs-claim
WITH candidates AS (
    SELECT id, state, priority FROM (
        (SELECT jobs.id, jobs.state, jobs.priority FROM job_work AS work JOIN jobs ON jobs.id = work.job
            WHERE work.open AND work.ready + work.delayed + work.running = 0 AND jobs.state = 3 AND coalesce(jobs.retry_at, '-infinity') <= clock_timestamp()
                AND (@only::uuid IS NULL OR jobs.id = @only)
            ORDER BY jobs.priority DESC, jobs.id LIMIT @count)
        UNION ALL
        (SELECT id, state, priority FROM jobs
            WHERE state = 1 AND coalesce(not_before, '-infinity') <= clock_timestamp() AND coalesce(retry_at, '-infinity') <= clock_timestamp() AND (@only::uuid IS NULL OR id = @only)
            ORDER BY priority DESC, id LIMIT @count)
    ) AS either
    WHERE EXISTS (SELECT 1 FROM silos WHERE silo = @silo AND epoch = @epoch AND expires_at > clock_timestamp())
    ORDER BY priority DESC, state DESC, id LIMIT @count
), locked AS (
    SELECT jobs.id, jobs.priority, jobs.state FROM candidates JOIN jobs ON jobs.id = candidates.id JOIN job_work AS work ON work.job = jobs.id
    WHERE jobs.state = 1 OR jobs.state = 3 AND work.ready + work.delayed + work.running = 0
    ORDER BY jobs.id FOR UPDATE OF jobs, work SKIP LOCKED
)
UPDATE jobs SET state = CASE jobs.state WHEN 1 THEN 2 ELSE 4 END, attempt = attempt + 1, silo = @silo, epoch = @epoch, ended = NULL, started_at = coalesce(started_at, clock_timestamp())
FROM locked WHERE jobs.id = locked.id
RETURNING jobs.id, jobs.state, jobs.attempt;
-- Each branch has an index; the index of jobs that are worked on does not have running ones, of which there is a row among the open ones.
-- name: jobs-open
SELECT id FROM (
    (SELECT id, priority, 1 AS started FROM jobs WHERE state IN (2, 4))
    UNION ALL
    (SELECT jobs.id, jobs.priority, 1 FROM job_work AS work JOIN jobs ON jobs.id = work.job WHERE work.open AND jobs.state = 3)
    UNION ALL
    (SELECT id, priority, 0 FROM jobs
        WHERE state = 1 AND coalesce(not_before, '-infinity') <= clock_timestamp() AND coalesce(retry_at, '-infinity') <= clock_timestamp()
        ORDER BY priority DESC, id LIMIT @count)
) AS unfinished ORDER BY priority DESC, started DESC, id LIMIT @count;
-- name: job-fence
SELECT jobs.state, coalesce(attempt = @attempt AND silo = @silo AND epoch = @epoch, false) AS mine, ended, failures, max_attempts
FROM jobs JOIN job_work ON job_work.job = jobs.id WHERE id = @job FOR UPDATE OF jobs;
-- name: job-planned
UPDATE jobs SET state = 3, ended = 1, plan = @plan, failures = 0, rescues = 0, retry_at = NULL, error_kind = NULL, error = NULL WHERE id = @job;
-- name: functions-copy
COPY functions (job, function, name, cost) FROM STDIN (FORMAT binary);
-- name: work-open
UPDATE job_work SET open = true, total = @total, ready = @total WHERE job = @job;
-- name: work-close
UPDATE job_work SET open = false WHERE job = @job;
-- name: job-linked
UPDATE jobs SET state = 5, ended = 1, finished_at = clock_timestamp(), error_kind = NULL, error = NULL, output_module = @module, output_report = @report, output_plan = @link_plan WHERE id = @job;
-- name: variants-linked
UPDATE variants SET linked = true, evidence = input.evidence, reason = input.reason
FROM unnest(@functions, @ordinals, @evidences, @reasons) AS input (function, ordinal, evidence, reason)
WHERE job = @job AND variants.function = input.function AND variants.ordinal = input.ordinal;
-- name: job-fail
UPDATE jobs SET state = CASE WHEN @final THEN 6 WHEN state = 2 THEN 1 ELSE 3 END, ended = 2, failures = failures + 1, finished_at = CASE WHEN @final THEN clock_timestamp() END,
    retry_at = CASE WHEN NOT @final THEN clock_timestamp() + @back_off END, error_kind = @kind, error = @error
WHERE id = @job;
-- name: jobs-release
WITH input AS (
    SELECT * FROM unnest(@jobs, @attempts, @silos, @epochs) AS input (job, attempt, silo, epoch)
), held AS (
    SELECT jobs.id FROM jobs JOIN input ON input.job = jobs.id
    WHERE jobs.state IN (2, 4) AND jobs.attempt = input.attempt AND jobs.silo = input.silo AND jobs.epoch = input.epoch
    ORDER BY jobs.id FOR UPDATE OF jobs
)
UPDATE jobs SET state = CASE state WHEN 2 THEN 1 ELSE 3 END, ended = 3 FROM held WHERE jobs.id = held.id;
-- name: jobs-lost
SELECT input.ordinal FROM unnest(@jobs, @attempts, @silos, @epochs) WITH ORDINALITY AS input (job, attempt, silo, epoch, ordinal)
WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = input.job AND jobs.state IN (2, 4) AND jobs.attempt = input.attempt AND jobs.silo = input.silo AND jobs.epoch = input.epoch);
