-- Functions whose pause after a failure is over can be claimed.
-- name: functions-due
WITH due AS (
    SELECT job, function FROM functions WHERE delayed AND not_before <= clock_timestamp() ORDER BY job, function LIMIT 1000 FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE functions AS f SET delayed = false FROM due WHERE f.job = due.job AND f.function = due.function RETURNING f.job
), counts AS (
    SELECT job, count(*) AS moved FROM moved GROUP BY job
), locked AS (
    SELECT work.job, moved FROM job_work AS work JOIN counts ON counts.job = work.job ORDER BY work.job FOR UPDATE OF work
)
UPDATE job_work AS work SET delayed = delayed - moved, ready = ready + moved FROM locked WHERE work.job = locked.job;
-- The slots go to the jobs by what each would have with one more, without a look at functions; then each job's functions come from the head of its part of functions_ready, as many as it got slots. Only
-- what is claimed is locked; what another silo is claiming is skipped.
-- name: functions-claim
WITH neediest AS (
    SELECT job, priority, weight, running, ready, trace_parent FROM job_work
    WHERE open AND ready > 0 AND (@only::uuid IS NULL OR job = @only)
        AND EXISTS (SELECT 1 FROM silos WHERE silo = @silo AND epoch = @epoch AND expires_at > clock_timestamp())
    ORDER BY priority DESC, (running + 1)::float8 / weight, job LIMIT @count
), slots AS (
    SELECT job, priority, trace_parent, (running + slot)::float8 / weight AS share FROM neediest CROSS JOIN LATERAL generate_series(1, least(ready, @count)) AS slot
    ORDER BY priority DESC, share, job LIMIT @count
), shares AS (
    SELECT job, priority, trace_parent, count(*) AS slots FROM slots GROUP BY job, priority, trace_parent
), picked AS (
    SELECT ready.job, ready.function, shares.priority, shares.trace_parent FROM shares CROSS JOIN LATERAL (
        SELECT job, function FROM functions WHERE functions.job = shares.job AND state = 1 AND NOT delayed ORDER BY cost DESC, function LIMIT shares.slots FOR UPDATE SKIP LOCKED
    ) AS ready LIMIT @count
), claimed AS (
    UPDATE functions AS f SET state = 2, attempt = attempt + 1, silo = @silo, epoch = @epoch, ended = NULL, started_at = clock_timestamp()
    FROM picked WHERE f.job = picked.job AND f.function = picked.function
    RETURNING f.job, f.function, f.attempt, f.name, f.cost, f.failures, picked.trace_parent, picked.priority
), counts AS (
    SELECT job, count(*) AS claimed FROM claimed GROUP BY job
), locked AS (
    SELECT work.job, claimed FROM job_work AS work JOIN counts ON counts.job = work.job ORDER BY work.job FOR UPDATE OF work
), counted AS (
    UPDATE job_work AS work SET ready = ready - claimed, running = running + claimed FROM locked WHERE work.job = locked.job
)
SELECT job, function, attempt, name, cost, failures, trace_parent FROM claimed ORDER BY priority DESC, cost DESC, job, function;
-- Functions that somebody chose for this silo. Rows are found by their key and locked, and only then judged, as they are by then.
-- name: functions-claim-these
WITH input AS (
    SELECT * FROM unnest(@jobs, @functions) AS input (job, function) ORDER BY job, function
), held AS (
    SELECT input.job, input.function, f.delayed FROM input CROSS JOIN LATERAL (
        SELECT state, delayed, not_before FROM functions WHERE functions.job = input.job AND functions.function = input.function FOR UPDATE
    ) AS f
    WHERE f.state = 1 AND (NOT f.delayed OR f.not_before <= clock_timestamp())
        AND EXISTS (SELECT 1 FROM silos WHERE silo = @silo AND epoch = @epoch AND expires_at > clock_timestamp())
), claimed AS (
    UPDATE functions AS f SET state = 2, delayed = false, attempt = attempt + 1, silo = @silo, epoch = @epoch, ended = NULL, started_at = clock_timestamp()
    FROM held WHERE f.job = held.job AND f.function = held.function
    RETURNING f.job, f.function, f.attempt, f.name, f.cost, f.failures, held.delayed
), counts AS (
    SELECT job, count(*) AS claimed, count(*) FILTER (WHERE delayed) AS late FROM claimed GROUP BY job
), locked AS (
    SELECT work.job, claimed, late FROM job_work AS work JOIN counts ON counts.job = work.job ORDER BY work.job FOR UPDATE OF work
), counted AS (
    UPDATE job_work AS work SET ready = ready - (claimed - late), delayed = delayed - late, running = running + claimed FROM locked WHERE work.job = locked.job
    RETURNING work.job, work.trace_parent
)
SELECT claimed.job, function, attempt, name, cost, failures, trace_parent FROM claimed JOIN counted ON counted.job = claimed.job;
-- Rows are found by their key and locked, and only then compared with the claim, as they are by then: whatever the planner thinks of states, it looks up keys.
-- name: functions-done
WITH input AS (
    SELECT * FROM unnest(@jobs, @functions, @attempts, @silos, @epochs, @variants, @proposed, @tested, @refuted, @contents)
        AS input (job, function, attempt, silo, epoch, variants, proposed, tested, refuted, content) ORDER BY job, function
), held AS (
    SELECT input.* FROM input CROSS JOIN LATERAL (
        SELECT state, attempt, silo, epoch FROM functions WHERE functions.job = input.job AND functions.function = input.function FOR UPDATE
    ) AS f
    WHERE f.state = 2 AND f.attempt = input.attempt AND f.silo = input.silo AND f.epoch = input.epoch
), kept AS (
    INSERT INTO function_results (job, function, content) SELECT job, function, content FROM held
)
UPDATE functions AS f SET state = 3, ended = 1, finished_at = clock_timestamp(), error_kind = NULL, error = NULL,
    variants = held.variants, proposed = held.proposed, tested = held.tested, refuted = held.refuted
FROM held WHERE f.job = held.job AND f.function = held.function
RETURNING f.job, f.function;
-- The same with variants and counters: a whole completion in one statement, and one round trip. For what is larger there is COPY.
-- name: functions-done-at-once
WITH input AS (
    SELECT * FROM unnest(@jobs, @functions, @attempts, @silos, @epochs, @variants, @proposed, @tested, @refuted, @contents)
        AS input (job, function, attempt, silo, epoch, variants, proposed, tested, refuted, content) ORDER BY job, function
), held AS (
    SELECT input.* FROM input CROSS JOIN LATERAL (
        SELECT state, attempt, silo, epoch FROM functions WHERE functions.job = input.job AND functions.function = input.function FOR UPDATE
    ) AS f
    WHERE f.state = 2 AND f.attempt = input.attempt AND f.silo = input.silo AND f.epoch = input.epoch
), kept AS (
    INSERT INTO function_results (job, function, content) SELECT job, function, content FROM held
), varied AS (
    INSERT INTO variants (job, function, ordinal, code, code_bytes, transforms, evidence, reason, tests_passed)
    SELECT held.job, held.function, v.ordinal, v.code, v.code_bytes, v.transforms, v.evidence, v.reason, v.tests_passed
    FROM held JOIN unnest(@variant_jobs, @variant_functions, @ordinals, @codes, @code_bytes, @transforms, @evidences, @reasons, @tests_passed)
        AS v (job, function, ordinal, code, code_bytes, transforms, evidence, reason, tests_passed) ON v.job = held.job AND v.function = held.function
), done AS (
    UPDATE functions AS f SET state = 3, ended = 1, finished_at = clock_timestamp(), error_kind = NULL, error = NULL,
        variants = held.variants, proposed = held.proposed, tested = held.tested, refuted = held.refuted
    FROM held WHERE f.job = held.job AND f.function = held.function
    RETURNING f.job, f.function
), sums AS (
    SELECT job, count(*) AS done, sum(variants) AS variants, sum(proposed)::bigint AS proposed, sum(tested)::bigint AS tested, sum(refuted)::bigint AS refuted FROM held GROUP BY job
), locked AS (
    SELECT sums.* FROM job_work AS work JOIN sums ON sums.job = work.job ORDER BY work.job FOR UPDATE OF work
), counted AS (
    UPDATE job_work AS work SET running = running - locked.done, done = work.done + locked.done, variants = work.variants + locked.variants, proposed = work.proposed + locked.proposed,
        tested = work.tested + locked.tested, refuted = work.refuted + locked.refuted
    FROM locked WHERE work.job = locked.job
    RETURNING work.ready + work.delayed + work.running = 0 AS finished
), notified AS (
    SELECT pg_notify('mewe_work', '') FROM counted WHERE finished LIMIT 1
)
SELECT job, function, (SELECT count(*) > 0 FROM notified) FROM done;
-- name: variants-copy
COPY variants (job, function, ordinal, code, code_bytes, transforms, evidence, reason, tests_passed) FROM STDIN (FORMAT binary);
-- name: work-done
WITH locked AS (
    SELECT work.job, input.done, input.variants, input.proposed, input.tested, input.refuted
    FROM job_work AS work JOIN unnest(@jobs, @done, @variants, @proposed, @tested, @refuted) AS input (job, done, variants, proposed, tested, refuted) ON input.job = work.job
    ORDER BY work.job FOR UPDATE OF work
)
UPDATE job_work AS work SET running = running - locked.done, done = work.done + locked.done, variants = work.variants + locked.variants, proposed = work.proposed + locked.proposed,
    tested = work.tested + locked.tested, refuted = work.refuted + locked.refuted
FROM locked WHERE work.job = locked.job
RETURNING work.ready + work.delayed + work.running = 0;
-- name: function-fence
SELECT functions.state, coalesce(attempt = @attempt AND silo = @silo AND epoch = @epoch, false) AS mine, ended, failures, max_attempts
FROM functions JOIN job_work ON job_work.job = functions.job WHERE functions.job = @job AND function = @function FOR UPDATE OF functions;
-- What became of a claim that is not in force. It never will be again, so nothing needs to be locked (and the counters are locked by then, which come after functions).
-- name: function-outcome
SELECT functions.state, coalesce(attempt = @attempt AND silo = @silo AND epoch = @epoch, false) AS mine, ended, failures, max_attempts
FROM functions JOIN job_work ON job_work.job = functions.job WHERE functions.job = @job AND function = @function;
-- name: function-fail
UPDATE functions SET state = CASE WHEN @final THEN 4 ELSE 1 END, delayed = NOT @final, ended = 2, failures = failures + 1, finished_at = CASE WHEN @final THEN clock_timestamp() END,
    not_before = CASE WHEN NOT @final THEN clock_timestamp() + @back_off END, error_kind = @kind, error = @error
WHERE job = @job AND function = @function;
-- name: work-failed
UPDATE job_work SET running = running - 1, delayed = delayed + CASE WHEN @final THEN 0 ELSE 1 END, failed = failed + CASE WHEN @final THEN 1 ELSE 0 END WHERE job = @job
RETURNING ready + delayed + running = 0;
-- name: functions-release
WITH input AS (
    SELECT * FROM unnest(@jobs, @functions, @attempts, @silos, @epochs) AS input (job, function, attempt, silo, epoch) ORDER BY job, function
), held AS (
    SELECT f.* FROM input CROSS JOIN LATERAL (
        SELECT job, function, state, attempt, silo, epoch FROM functions WHERE functions.job = input.job AND functions.function = input.function FOR UPDATE
    ) AS f
    WHERE f.state = 2 AND f.attempt = input.attempt AND f.silo = input.silo AND f.epoch = input.epoch
), released AS (
    UPDATE functions AS f SET state = 1, ended = 3, not_before = NULL FROM held WHERE f.job = held.job AND f.function = held.function RETURNING f.job
), counts AS (
    SELECT job, count(*) AS released FROM released GROUP BY job
), locked AS (
    SELECT work.job, released FROM job_work AS work JOIN counts ON counts.job = work.job ORDER BY work.job FOR UPDATE OF work
), counted AS (
    UPDATE job_work AS work SET running = running - released, ready = ready + released FROM locked WHERE work.job = locked.job
)
SELECT coalesce(sum(released), 0)::integer FROM counts;
-- name: functions-lost
SELECT input.ordinal FROM unnest(@jobs, @functions, @attempts, @silos, @epochs) WITH ORDINALITY AS input (job, function, attempt, silo, epoch, ordinal)
WHERE NOT EXISTS (SELECT 1 FROM functions AS f
    WHERE f.job = input.job AND f.function = input.function AND f.state = 2 AND f.attempt = input.attempt AND f.silo = input.silo AND f.epoch = input.epoch);
-- name: results-read
SELECT functions.function, functions.name, functions.state, function_results.content, functions.error_kind, functions.error
FROM functions LEFT JOIN function_results ON function_results.job = functions.job AND function_results.function = functions.function
WHERE functions.job = @job AND functions.function > @after AND functions.state >= 3 ORDER BY functions.function LIMIT @limit;
