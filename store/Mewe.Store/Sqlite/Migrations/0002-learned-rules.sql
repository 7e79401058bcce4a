-- Rules that synthesis found and a checker proved. Their order is that of the texts (BINARY collation is ordinal for UTF-8).
CREATE TABLE learned_rules (
    text TEXT NOT NULL,
    checker_version INTEGER NOT NULL,
    width INTEGER NOT NULL CHECK (width IN (32, 64)),
    how_proved TEXT NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (text, checker_version)
) STRICT, WITHOUT ROWID;
