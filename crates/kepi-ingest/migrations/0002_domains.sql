-- What accounts share of a platform's limits, and which runs draw on it: all of one worker, a process, since limits are
-- counted within it. The name holds no more than a digest of the application or credential.
CREATE TABLE domains (
    domain      TEXT   NOT NULL,
    run         TEXT   NOT NULL,
    worker      TEXT   NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (domain, run)
);
