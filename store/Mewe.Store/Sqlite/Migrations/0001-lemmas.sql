-- What proofs found. Verdicts: 1 proved, 2 refuted, 3 undecided with the resources spent.
CREATE TABLE lemmas (
    key BLOB NOT NULL CHECK (length(key) IN (16, 32)),
    checker_version INTEGER NOT NULL,
    verdict INTEGER NOT NULL CHECK (verdict IN (1, 2, 3)),
    method TEXT NOT NULL,
    resource_spent INTEGER NOT NULL CHECK (resource_spent >= 0),
    PRIMARY KEY (key, checker_version)
) STRICT, WITHOUT ROWID;
