-- The version and the rows are of one moment. A table without rows has a version too.
-- name: members-read
SELECT version, address, revision, status, name, host, gateway_port, started_at, alive_at, accusers, accused_at
FROM member_version LEFT JOIN members ON @address::text IS NULL OR address = @address ORDER BY address COLLATE "C";
-- The row of the version is what changes exclude each other by: who comes second finds another version, and nothing has changed.
-- name: member-insert
WITH next AS (
    UPDATE member_version SET version = version + 1 WHERE version = @version AND NOT EXISTS (SELECT 1 FROM members WHERE address = @address) RETURNING version
)
INSERT INTO members (address, revision, status, name, host, gateway_port, started_at, alive_at, accusers, accused_at)
SELECT @address, next.version, @status, @name, @host, @gateway_port, @started_at, @alive_at, @accusers, @accused_at FROM next;
-- name: member-update
WITH next AS (
    UPDATE member_version SET version = version + 1 WHERE version = @version AND EXISTS (SELECT 1 FROM members WHERE address = @address AND revision = @revision) RETURNING version
)
UPDATE members SET revision = next.version, status = @status, name = @name, host = @host, gateway_port = @gateway_port, started_at = @started_at, alive_at = @alive_at,
    accusers = @accusers, accused_at = @accused_at
FROM next WHERE address = @address;
-- name: member-alive
UPDATE members SET alive_at = @alive_at WHERE address = @address;
-- A member whose silo has no lease any more, and that gave no sign of life, is dead, whoever else has noticed. By the name: the silo that took a name's place is another member.
-- name: members-bury
WITH dead AS (
    SELECT address FROM members
    WHERE status <> @dead AND greatest(started_at, alive_at) < clock_timestamp() - @silent AND NOT EXISTS (SELECT 1 FROM silos WHERE silo = members.name AND expires_at > clock_timestamp())
), next AS (
    UPDATE member_version SET version = version + 1 WHERE EXISTS (SELECT 1 FROM dead) RETURNING version
)
UPDATE members SET status = @dead, revision = next.version FROM next WHERE address IN (SELECT address FROM dead);
-- name: members-forget
DELETE FROM members WHERE status <> @living AND greatest(started_at, alive_at) < @before;
-- name: members-clear
DELETE FROM members;
