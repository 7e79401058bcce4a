-- Jobs, their functions, variants and artifacts, and who works on what. Times are milliseconds of Unix time; states are the numbers of JobState and FunctionState.
-- ended says how the last claim of a row ended: NULL in force, 1 written, 2 failed, 3 released, 4 rescued, 5 cancelled.

CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE blobs (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    upload INTEGER NOT NULL UNIQUE REFERENCES uploads (id),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    put_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_pieces (
    upload INTEGER NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (upload, ordinal)
) STRICT;

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL,
    module BLOB NOT NULL,
    options TEXT NOT NULL,
    workload BLOB,
    link_plan BLOB,
    owner TEXT,
    priority INTEGER NOT NULL,
    weight INTEGER NOT NULL CHECK (weight > 0),
    not_before INTEGER,
    max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
    trace_parent TEXT,
    state INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 7),
    submitted_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    retry_at INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    rescues INTEGER NOT NULL DEFAULT 0,
    silo TEXT,
    epoch INTEGER,
    ended INTEGER,
    plan BLOB,
    error_kind TEXT,
    error TEXT,
    output_module BLOB,
    output_report BLOB,
    output_plan BLOB,
    total INTEGER NOT NULL DEFAULT 0,
    available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    done INTEGER NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    variants INTEGER NOT NULL DEFAULT 0,
    proposed INTEGER NOT NULL DEFAULT 0,
    tested INTEGER NOT NULL DEFAULT 0,
    refuted INTEGER NOT NULL DEFAULT 0,
    CHECK ((state >= 5) = (finished_at IS NOT NULL)),
    CHECK ((state IN (2, 4)) = (silo IS NOT NULL AND ended IS NULL)),
    CHECK ((state = 5) = (output_module IS NOT NULL)),
    CHECK (total = available + running + done + failed + cancelled)
) STRICT;

CREATE INDEX jobs_queued ON jobs (priority DESC, id) WHERE state = 1;
CREATE INDEX jobs_running ON jobs (id) WHERE state = 3;
CREATE INDEX jobs_worked_on ON jobs (silo, epoch) WHERE state IN (2, 4);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE state >= 5;

-- Which blobs a job has, whatever for; the one place that retention looks at.
CREATE TABLE job_blobs (
    hash BLOB NOT NULL REFERENCES blobs (hash),
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (hash, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_blobs_job ON job_blobs (job);

CREATE TABLE functions (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    function INTEGER NOT NULL,
    name TEXT NOT NULL,
    cost INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 5),
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    rescues INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,
    silo TEXT,
    epoch INTEGER,
    ended INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    error_kind TEXT,
    error TEXT,
    variants INTEGER NOT NULL DEFAULT 0,
    proposed INTEGER NOT NULL DEFAULT 0,
    tested INTEGER NOT NULL DEFAULT 0,
    refuted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, function),
    CHECK ((state >= 3) = (finished_at IS NOT NULL)),
    CHECK ((state = 2) = (silo IS NOT NULL AND ended IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX functions_available ON functions (job, cost DESC, function) WHERE state = 1;
CREATE INDEX functions_running ON functions (silo, epoch) WHERE state = 2;

CREATE TABLE function_results (
    job TEXT NOT NULL,
    function INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (job, function),
    FOREIGN KEY (job, function) REFERENCES functions (job, function) ON DELETE CASCADE
) STRICT;

CREATE TABLE variants (
    job TEXT NOT NULL,
    function INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    code BLOB NOT NULL CHECK (length(code) = 32),
    code_bytes INTEGER NOT NULL,
    transforms TEXT NOT NULL,
    evidence INTEGER NOT NULL CHECK (evidence IN (1, 2)),
    reason TEXT,
    tests_passed INTEGER NOT NULL,
    linked INTEGER NOT NULL DEFAULT 0 CHECK (linked IN (0, 1)),
    PRIMARY KEY (job, function, ordinal),
    FOREIGN KEY (job, function) REFERENCES functions (job, function) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE silos (
    silo TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    workers INTEGER NOT NULL,
    version TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. Epochs grow with every registration of any silo.
CREATE TABLE silo_epoch (last INTEGER NOT NULL) STRICT;
INSERT INTO silo_epoch VALUES (0);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    secret BLOB NOT NULL UNIQUE CHECK (length(secret) = 32),
    name TEXT NOT NULL,
    roles INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
