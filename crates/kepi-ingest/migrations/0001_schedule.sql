-- Times are whole microseconds since 1970-01-01 UTC. Only what SQLite and PostgreSQL both know is used here.

-- One row per job and time at which it was due: the key lets each run once, whoever sees it.
CREATE TABLE ticks (
    job             TEXT   NOT NULL,
    tick            BIGINT NOT NULL,
    status          TEXT   NOT NULL, -- registered, due, running, superseded, or the outcome of the last attempt
    missed          BIGINT NOT NULL, -- earlier ticks that nobody was there for
    attempts        BIGINT NOT NULL,
    failures        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    window_end      BIGINT NOT NULL,
    left_over       TEXT,            -- JSON: account and endpoint pairs that the next attempt asks; null for all
    run             TEXT,
    lease_until     BIGINT,
    PRIMARY KEY (job, tick)
);

-- One row per attempt.
CREATE TABLE runs (
    run            TEXT   NOT NULL PRIMARY KEY,
    job            TEXT   NOT NULL,
    tick           BIGINT NOT NULL,
    attempt        BIGINT NOT NULL,
    started_at     BIGINT NOT NULL,
    finished_at    BIGINT,
    outcome        TEXT,
    error          TEXT,
    hint           TEXT,
    after_error    TEXT,
    pages          BIGINT NOT NULL,
    measurements   BIGINT NOT NULL,
    rejects        BIGINT NOT NULL,
    calls          BIGINT NOT NULL,
    cost_micro_usd BIGINT NOT NULL
);
CREATE INDEX runs_by_start ON runs (started_at);

-- Which run has an account in hand, and until when that holds.
CREATE TABLE leases (
    account     TEXT   NOT NULL PRIMARY KEY,
    run         TEXT   NOT NULL,
    lease_until BIGINT NOT NULL
);

-- What accounts were found not to have. An empty metric stands for the whole endpoint.
CREATE TABLE capabilities (
    account  TEXT   NOT NULL,
    endpoint TEXT   NOT NULL,
    metric   TEXT   NOT NULL,
    lack     TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    PRIMARY KEY (account, endpoint, metric)
);

-- How streams last answered, to know a sudden answer of nothing but zeros.
CREATE TABLE answers (
    stream      TEXT   NOT NULL PRIMARY KEY,
    had_numbers BIGINT NOT NULL,
    zeros_since BIGINT
);

-- Days that were asked for and that the platform had not computed yet, as ISO dates: from the first to before the
-- end.
CREATE TABLE not_yet (
    stream    TEXT NOT NULL PRIMARY KEY,
    start_day TEXT NOT NULL,
    end_day   TEXT NOT NULL
);
