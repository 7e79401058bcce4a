-- name: job-submit
INSERT INTO jobs (id, name, module, options, workload, link_plan, owner, priority, weight, not_before, max_attempts, trace_parent, submitted_at)
VALUES ($job, $name, $module, $options, $workload, $link_plan, $owner, $priority, $weight, $not_before, $max_attempts, $trace_parent, $now);
-- name: job-get
SELECT * FROM jobs WHERE id = $job;
-- name: job-progress
SELECT id, state, total, available, running, done, failed, cancelled, variants, proposed, tested, refuted FROM jobs WHERE id = $job;
-- name: jobs-list
SELECT * FROM jobs
WHERE ($after IS NULL OR id < $after) AND ($state IS NULL OR state = $state) AND ($owner IS NULL OR owner = $owner) AND ($module IS NULL OR module = $module)
ORDER BY id DESC LIMIT $limit;
-- name: functions-list
SELECT * FROM functions WHERE job = $job AND function > $after AND ($state IS NULL OR state = $state) ORDER BY function LIMIT $limit;
-- name: variants-list
SELECT * FROM variants
WHERE job = $job AND (function, ordinal) > ($function_after, $ordinal_after)
    AND ($function IS NULL OR function = $function) AND ($evidence IS NULL OR evidence = $evidence) AND ($linked IS NULL OR linked = $linked)
ORDER BY function, ordinal LIMIT $limit;
-- name: job-cancel
UPDATE jobs SET state = 7, finished_at = $now, ended = CASE WHEN state IN (2, 4) THEN 5 ELSE ended END,
    cancelled = cancelled + available + running, available = 0, running = 0
WHERE id = $job AND state < 5;
-- name: functions-cancel
UPDATE functions SET state = 5, finished_at = $now, ended = CASE state WHEN 2 THEN 5 ELSE ended END WHERE job = $job AND state IN (1, 2);
-- name: job-retry
UPDATE jobs SET state = CASE WHEN plan IS NULL THEN 1 ELSE 3 END, finished_at = NULL, retry_at = NULL, failures = 0, rescues = 0, error_kind = NULL, error = NULL,
    output_module = NULL, output_report = NULL, output_plan = NULL, available = available + failed + cancelled, failed = 0, cancelled = 0
WHERE id = $job AND (state IN (6, 7) OR (state = 5 AND failed > 0));
-- name: functions-retry
UPDATE functions SET state = 1, failures = 0, rescues = 0, not_before = NULL, finished_at = NULL, error_kind = NULL, error = NULL WHERE job = $job AND state IN (4, 5);
-- name: variants-unlink
UPDATE variants SET linked = 0 WHERE job = $job AND linked = 1;
-- name: jobs-prune
DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state >= 5 AND finished_at < $before ORDER BY finished_at LIMIT $limit);
