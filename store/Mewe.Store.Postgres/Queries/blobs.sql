-- name: upload-start
INSERT INTO uploads DEFAULT VALUES RETURNING id;
-- name: piece-put
INSERT INTO blob_pieces (upload, ordinal, content) VALUES (@upload, @ordinal, @content);
-- name: blob-put
INSERT INTO blobs (hash, upload, bytes) VALUES (@hash, @upload, @bytes)
ON CONFLICT (hash) DO UPDATE SET put_at = clock_timestamp()
RETURNING upload;
-- name: upload-drop
DELETE FROM uploads WHERE id = @upload;
-- name: blob-find
SELECT upload, bytes FROM blobs WHERE hash = @hash;
-- name: piece-get
SELECT content FROM blob_pieces WHERE upload = @upload AND ordinal = @ordinal;
-- Locked first, so that no job can refer to them any more, and then looked at again.
-- name: blobs-unreferenced
SELECT hash FROM blobs WHERE put_at < clock_timestamp() - @kept AND NOT EXISTS (SELECT 1 FROM job_blobs WHERE job_blobs.hash = blobs.hash)
ORDER BY hash LIMIT @limit FOR UPDATE SKIP LOCKED;
-- name: blobs-prune
DELETE FROM blobs WHERE hash = ANY (@hashes) AND NOT EXISTS (SELECT 1 FROM job_blobs WHERE job_blobs.hash = blobs.hash) RETURNING upload;
-- name: uploads-drop
DELETE FROM uploads WHERE id = ANY (@uploads);
-- name: uploads-abandoned
DELETE FROM uploads WHERE started_at < clock_timestamp() - @kept AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.upload = uploads.id);
-- name: job-blobs-add
INSERT INTO job_blobs (job, hash) SELECT @job, hash FROM unnest(@hashes) AS hash ORDER BY hash ON CONFLICT DO NOTHING;
