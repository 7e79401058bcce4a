-- Jobs, their functions, variants and artifacts, and who works on what. States are the numbers of JobState and FunctionState.
-- ended says how the last claim of a row ended: NULL in force, 1 written, 2 failed, 3 released, 4 rescued, 5 cancelled.
--
-- Locks are taken in this order, so that nobody waits in a circle: jobs, functions, job_work; several rows of a table in the order of their keys.
-- functions, function_results and variants have no foreign keys: every row of theirs is written under a claim of its parent, which is fenced, and is deleted before it; a check per row would lock the
-- parents, which everybody needs.

CREATE TABLE uploads (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE blob_pieces (
    upload bigint NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    ordinal integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (upload, ordinal)
);
-- Modules hardly compress by PostgreSQL's means, and it takes time.
ALTER TABLE blob_pieces ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE blobs (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    upload bigint NOT NULL UNIQUE REFERENCES uploads (id),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    put_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    module bytea NOT NULL,
    options text NOT NULL,
    workload bytea,
    link_plan bytea,
    owner text,
    priority integer NOT NULL,
    not_before timestamptz,
    state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 7),
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    retry_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    rescues integer NOT NULL DEFAULT 0,
    silo text,
    epoch bigint,
    ended smallint,
    plan bytea,
    error_kind text,
    error text,
    output_module bytea,
    output_report bytea,
    output_plan bytea,
    CHECK ((state >= 5) = (finished_at IS NOT NULL)),
    CHECK ((state IN (2, 4)) = (silo IS NOT NULL AND ended IS NULL)),
    CHECK ((state = 5) = (output_module IS NOT NULL))
);
CREATE INDEX jobs_queued ON jobs (priority DESC, id) WHERE state = 1;
CREATE INDEX jobs_worked_on ON jobs (silo, epoch) WHERE state IN (2, 4);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE state >= 5;
CREATE INDEX jobs_of_owner ON jobs (owner, id DESC);
CREATE INDEX jobs_of_module ON jobs (module, id DESC);

-- What changes with every function: narrow rows, updated in place (no index has a column that changes; the fill factor leaves room on the page). open: the job's functions are worked on, or all are
-- finished and it can be linked. Finished jobs are not in the index, so history costs claims nothing. ready and delayed together are the available ones.
CREATE TABLE job_work (
    job uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    open boolean NOT NULL DEFAULT false,
    priority integer NOT NULL,
    weight integer NOT NULL CHECK (weight > 0),
    max_attempts integer NOT NULL CHECK (max_attempts > 0),
    trace_parent text,
    total integer NOT NULL DEFAULT 0,
    ready integer NOT NULL DEFAULT 0 CHECK (ready >= 0),
    delayed integer NOT NULL DEFAULT 0 CHECK (delayed >= 0),
    running integer NOT NULL DEFAULT 0 CHECK (running >= 0),
    done integer NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    cancelled integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    variants bigint NOT NULL DEFAULT 0,
    proposed bigint NOT NULL DEFAULT 0,
    tested bigint NOT NULL DEFAULT 0,
    refuted bigint NOT NULL DEFAULT 0,
    CHECK (total = ready + delayed + running + done + failed + cancelled)
) WITH (fillfactor = 50);
CREATE INDEX job_work_open ON job_work (job) WHERE open;

-- Which blobs a job has, whatever for; the one place that retention looks at.
CREATE TABLE job_blobs (
    hash bytea NOT NULL REFERENCES blobs (hash),
    job uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (hash, job)
);
CREATE INDEX job_blobs_job ON job_blobs (job);

CREATE TABLE functions (
    job uuid NOT NULL,
    function integer NOT NULL,
    name text NOT NULL,
    cost bigint NOT NULL,
    state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 5),
    delayed boolean NOT NULL DEFAULT false CHECK (NOT delayed OR state = 1),
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    rescues integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    silo text,
    epoch bigint,
    ended smallint,
    started_at timestamptz,
    finished_at timestamptz,
    error_kind text,
    error text,
    variants integer NOT NULL DEFAULT 0,
    proposed bigint NOT NULL DEFAULT 0,
    tested bigint NOT NULL DEFAULT 0,
    refuted bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (job, function),
    CHECK ((state >= 3) = (finished_at IS NOT NULL)),
    CHECK ((state = 2) = (silo IS NOT NULL AND ended IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX functions_ready ON functions (job, cost DESC, function) WHERE state = 1 AND NOT delayed;
CREATE INDEX functions_delayed ON functions (not_before) WHERE delayed;
CREATE INDEX functions_running ON functions (silo, epoch) WHERE state = 2;

CREATE TABLE function_results (
    job uuid NOT NULL,
    function integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (job, function)
);

CREATE TABLE variants (
    job uuid NOT NULL,
    function integer NOT NULL,
    ordinal integer NOT NULL,
    code bytea NOT NULL CHECK (length(code) = 32),
    code_bytes integer NOT NULL,
    transforms text NOT NULL,
    evidence smallint NOT NULL CHECK (evidence IN (1, 2)),
    reason text,
    tests_passed bigint NOT NULL,
    linked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (job, function, ordinal)
);

CREATE TABLE silos (
    silo text PRIMARY KEY,
    epoch bigint NOT NULL,
    workers integer NOT NULL,
    version text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);

-- Epochs grow with every registration of any silo.
CREATE SEQUENCE silo_epoch AS bigint;

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    secret bytea NOT NULL UNIQUE CHECK (length(secret) = 32),
    name text NOT NULL,
    roles integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);

-- For people and dashboards: a job with its progress.
CREATE VIEW job_progress AS
SELECT jobs.*, work.weight, work.max_attempts, work.trace_parent, work.total, work.ready + work.delayed AS available, work.running, work.done, work.failed, work.cancelled,
    work.variants, work.proposed, work.tested, work.refuted
FROM jobs JOIN job_work AS work ON work.job = jobs.id;
