-- What proofs found. Verdicts: 1 proved, 2 refuted, 3 undecided with the resources spent.
CREATE TABLE lemmas (
    key bytea NOT NULL CHECK (length(key) IN (16, 32)),
    checker_version integer NOT NULL,
    verdict smallint NOT NULL CHECK (verdict IN (1, 2, 3)),
    method text NOT NULL,
    resource_spent bigint NOT NULL CHECK (resource_spent >= 0),
    PRIMARY KEY (checker_version, key)
);

-- Rules that synthesis found and a checker proved. Their order is that of the texts: collation C is ordinal for UTF-8. The key has the text's SHA-256, because an index row has a limit and a text has none.
CREATE TABLE learned_rules (
    text text COLLATE "C" NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    checker_version integer NOT NULL,
    width smallint NOT NULL CHECK (width IN (32, 64)),
    how_proved text NOT NULL,
    origin text NOT NULL,
    PRIMARY KEY (checker_version, hash)
);
