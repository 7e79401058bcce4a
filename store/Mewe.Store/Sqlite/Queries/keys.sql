-- name: key-add
INSERT INTO api_keys (id, secret, name, roles, created_at) VALUES ($id, $secret, $name, $roles, $now);
-- name: key-find
SELECT id, name, roles, created_at, revoked_at FROM api_keys WHERE secret = $secret AND revoked_at IS NULL;
-- name: keys-list
SELECT id, name, roles, created_at, revoked_at FROM api_keys ORDER BY created_at, id;
-- name: key-any
SELECT EXISTS (SELECT 1 FROM api_keys WHERE revoked_at IS NULL);
-- name: key-revoke
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $now) WHERE id = $id;
