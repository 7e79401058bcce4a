DELETE FROM lemmas WHERE checker_version <> $version AND checker_version NOT IN (
    SELECT checker_version FROM lemmas WHERE checker_version <> $version GROUP BY checker_version ORDER BY count(*) DESC, checker_version LIMIT $others);
