-- name: upload-start
INSERT INTO uploads (started_at) VALUES ($now) RETURNING id;
-- name: piece-put
INSERT INTO blob_pieces (upload, ordinal, content) VALUES ($upload, $ordinal, $content);
-- name: blob-touch
UPDATE blobs SET put_at = $now WHERE hash = $hash;
-- name: blob-put
INSERT INTO blobs (hash, upload, bytes, put_at) VALUES ($hash, $upload, $bytes, $now);
-- name: upload-drop
DELETE FROM uploads WHERE id = $upload;
-- name: blob-find
SELECT upload, bytes FROM blobs WHERE hash = $hash;
-- name: piece-get
SELECT content FROM blob_pieces WHERE upload = $upload AND ordinal = $ordinal;
-- name: blobs-unreferenced
SELECT hash, upload FROM blobs WHERE put_at < $before AND NOT EXISTS (SELECT 1 FROM job_blobs WHERE job_blobs.hash = blobs.hash) LIMIT $limit;
-- name: blob-delete
DELETE FROM blobs WHERE hash = $hash;
-- name: uploads-abandoned
DELETE FROM uploads WHERE started_at < $before AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.upload = uploads.id);
-- name: job-blob-add
INSERT INTO job_blobs (job, hash) SELECT $job, hash FROM blobs WHERE hash = $hash ON CONFLICT DO UPDATE SET job = excluded.job;
