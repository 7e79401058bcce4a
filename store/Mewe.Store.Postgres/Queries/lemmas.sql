-- name: lemmas-get
SELECT key, verdict, method, resource_spent FROM lemmas WHERE checker_version = @version AND key = ANY (@keys);
-- name: lemmas-all
SELECT key, verdict, method, resource_spent FROM lemmas WHERE checker_version = @version;
-- Rows are taken in the order of their keys, so that two who put the same lemmas do not wait for each other in a circle. What an earlier verdict makes of a new one is LemmaMerge's rule, said again here
-- because only the database sees what others put at the same time: a decision is kept, and an undecided one gives way to a decision and to a dearer undecided one. The answer has what is known after each.
-- name: lemmas-put
WITH input AS (
    SELECT * FROM unnest(@keys, @versions, @verdicts, @methods, @spents) AS input (key, checker_version, verdict, method, resource_spent)
), put AS (
    INSERT INTO lemmas AS known (key, checker_version, verdict, method, resource_spent)
    SELECT key, checker_version, verdict, method, resource_spent FROM input ORDER BY checker_version, key
    ON CONFLICT (checker_version, key) DO UPDATE SET verdict = excluded.verdict, method = excluded.method, resource_spent = excluded.resource_spent
        WHERE known.verdict = 3 AND (excluded.verdict <> 3 OR excluded.resource_spent > known.resource_spent)
    RETURNING key, checker_version
)
SELECT input.key, input.checker_version, put.key IS NOT NULL AS changed
FROM input LEFT JOIN put ON put.key = input.key AND put.checker_version = input.checker_version;
-- name: lemmas-contradicted
SELECT count(*) FROM unnest(@keys, @versions, @verdicts) AS input (key, checker_version, verdict)
    JOIN lemmas ON lemmas.key = input.key AND lemmas.checker_version = input.checker_version
WHERE input.verdict <> 3 AND lemmas.verdict <> 3 AND lemmas.verdict <> input.verdict;
-- name: lemmas-forget
DELETE FROM lemmas WHERE checker_version <> @version AND checker_version NOT IN (
    SELECT checker_version FROM lemmas WHERE checker_version <> @version GROUP BY checker_version ORDER BY count(*) DESC, checker_version LIMIT @others);
-- name: rules-get
SELECT text, width, how_proved, origin FROM learned_rules WHERE checker_version = @version ORDER BY text;
-- name: rules-put
INSERT INTO learned_rules (text, hash, checker_version, width, how_proved, origin)
SELECT * FROM unnest(@texts, @hashes, @versions, @widths, @hows, @origins) AS input (text, hash, checker_version, width, how_proved, origin) ORDER BY checker_version, hash
ON CONFLICT DO NOTHING;
