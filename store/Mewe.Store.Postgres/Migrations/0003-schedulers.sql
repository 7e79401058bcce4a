-- Who decides what runs where: the silos of a store all have the same scheduler.
ALTER TABLE silos ADD COLUMN scheduler text NOT NULL DEFAULT 'leases';

-- The members of an actor engine's cluster, for engines that keep them in a table (PostgresMembers). A change names the version of the table that it was made from, and makes the next one.
CREATE TABLE member_version (
    version integer NOT NULL
);
INSERT INTO member_version VALUES (0);

-- revision: the version of the table at which the row was changed last. accusers and accused_at: who takes the member for dead, and since when.
CREATE TABLE members (
    address text PRIMARY KEY,
    revision integer NOT NULL,
    status integer NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    gateway_port integer NOT NULL,
    started_at timestamptz NOT NULL,
    alive_at timestamptz NOT NULL,
    accusers text[] NOT NULL,
    accused_at timestamptz[] NOT NULL,
    CHECK (cardinality(accusers) = cardinality(accused_at))
);

-- What an actor is to be woken for (PostgresReminders). hash: of the actor, 0 to 4294967295; each member looks after a range.
CREATE TABLE reminders (
    actor text NOT NULL,
    name text NOT NULL,
    hash bigint NOT NULL,
    start_at timestamptz NOT NULL,
    period interval NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (actor, name)
);
CREATE INDEX reminders_hash ON reminders (hash);
CREATE SEQUENCE reminder_revision AS bigint;
