-- name: jobs-claimable
SELECT id, state FROM jobs
WHERE (state = 1 AND coalesce(not_before, 0) <= $now OR state = 3 AND available = 0 AND running = 0) AND coalesce(retry_at, 0) <= $now AND ($only IS NULL OR id = $only)
ORDER BY priority DESC, state DESC, id LIMIT $limit;
-- name: jobs-unfinished
SELECT id FROM jobs WHERE state IN (2, 3, 4) OR state = 1 AND coalesce(not_before, 0) <= $now AND coalesce(retry_at, 0) <= $now ORDER BY priority DESC, state > 1 DESC, id LIMIT $limit;
-- name: job-claim
UPDATE jobs SET state = CASE state WHEN 1 THEN 2 ELSE 4 END, attempt = attempt + 1, silo = $silo, epoch = $epoch, ended = NULL, started_at = coalesce(started_at, $now) WHERE id = $job;
-- name: job-fence
SELECT state, attempt = $attempt AND silo = $silo AND epoch = $epoch, ended, failures, max_attempts FROM jobs WHERE id = $job;
-- name: job-planned
UPDATE jobs SET state = 3, ended = 1, plan = $plan, failures = 0, rescues = 0, retry_at = NULL, error_kind = NULL, error = NULL, total = $total, available = $total WHERE id = $job;
-- name: function-add
INSERT INTO functions (job, function, name, cost) VALUES ($job, $function, $name, $cost);
-- name: job-linked
UPDATE jobs SET state = 5, ended = 1, finished_at = $now, error_kind = NULL, error = NULL, output_module = $module, output_report = $report, output_plan = $link_plan WHERE id = $job;
-- name: variant-linked
UPDATE variants SET linked = 1, evidence = $evidence, reason = $reason WHERE job = $job AND function = $function AND ordinal = $ordinal;
-- name: job-fail
UPDATE jobs SET state = CASE WHEN $final THEN 6 WHEN state = 2 THEN 1 ELSE 3 END, ended = 2, failures = failures + 1, finished_at = CASE WHEN $final THEN $now END, retry_at = $retry_at,
    error_kind = $kind, error = $error
WHERE id = $job;
-- name: job-release
UPDATE jobs SET state = CASE state WHEN 2 THEN 1 ELSE 3 END, ended = 3 WHERE id = $job AND state IN (2, 4) AND silo = $silo AND epoch = $epoch AND attempt = $attempt;
-- name: jobs-open
SELECT id, priority, weight, running, trace_parent FROM jobs WHERE state = 3 AND available > 0 AND ($only IS NULL OR id = $only) ORDER BY id;
-- name: functions-ready
SELECT function, name, cost, failures, attempt FROM functions WHERE job = $job AND state = 1 AND coalesce(not_before, 0) <= $now ORDER BY cost DESC, function LIMIT $limit;
-- name: function-ready
SELECT function, name, cost, failures, attempt, (SELECT trace_parent FROM jobs WHERE id = job) FROM functions
WHERE job = $job AND function = $function AND state = 1 AND coalesce(not_before, 0) <= $now;
-- name: function-claim
UPDATE functions SET state = 2, attempt = attempt + 1, silo = $silo, epoch = $epoch, ended = NULL, started_at = $now WHERE job = $job AND function = $function;
-- name: function-fence
SELECT state, attempt = $attempt AND silo = $silo AND epoch = $epoch, ended, failures, (SELECT max_attempts FROM jobs WHERE id = job) FROM functions WHERE job = $job AND function = $function;
-- name: function-done
UPDATE functions SET state = 3, ended = 1, finished_at = $now, error_kind = NULL, error = NULL, variants = $variants, proposed = $proposed, tested = $tested, refuted = $refuted
WHERE job = $job AND function = $function;
-- name: result-put
INSERT INTO function_results (job, function, content) VALUES ($job, $function, $content);
-- name: variant-put
INSERT INTO variants (job, function, ordinal, code, code_bytes, transforms, evidence, reason, tests_passed)
VALUES ($job, $function, $ordinal, $code, $code_bytes, $transforms, $evidence, $reason, $tests_passed);
-- name: function-fail
UPDATE functions SET state = CASE WHEN $final THEN 4 ELSE 1 END, ended = 2, failures = failures + 1, finished_at = CASE WHEN $final THEN $now END, not_before = $retry_at,
    error_kind = $kind, error = $error
WHERE job = $job AND function = $function;
-- name: function-release
UPDATE functions SET state = 1, ended = 3, not_before = NULL WHERE job = $job AND function = $function AND state = 2 AND silo = $silo AND epoch = $epoch AND attempt = $attempt;
-- name: job-count
UPDATE jobs SET available = available + $available, running = running + $running, done = done + $done, failed = failed + $failed,
    variants = variants + $variants, proposed = proposed + $proposed, tested = tested + $tested, refuted = refuted + $refuted
WHERE id = $job;
-- name: results-read
SELECT functions.function, functions.name, functions.state, function_results.content, functions.error_kind, functions.error
FROM functions LEFT JOIN function_results ON function_results.job = functions.job AND function_results.function = functions.function
WHERE functions.job = $job AND functions.function > $after AND functions.state >= 3 ORDER BY functions.function LIMIT $limit;
