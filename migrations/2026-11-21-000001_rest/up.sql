-- Profiles ------------------------------------------------------------------------------------------------------------

ALTER TABLE users ADD COLUMN first_name text;
ALTER TABLE users ADD COLUMN last_name text;
ALTER TABLE users ADD COLUMN email text;
-- A language tag such as `fr` or `en-GB`.
ALTER TABLE users ADD COLUMN language text;
-- For searches by the beginning of either name.
CREATE INDEX users_username_start_idx ON users (project_id, lower(username) text_pattern_ops);
CREATE INDEX users_name_start_idx ON users (project_id, lower(name) text_pattern_ops) WHERE name IS NOT NULL;

-- Strangers may make themselves users of the project.
ALTER TABLE projects ADD COLUMN registration boolean NOT NULL DEFAULT false;

-- Requests that name themselves (Idempotency-Key) ------------------------------------------------------------------------

CREATE TABLE idempotency (
    -- Who asked: the kind of caller and their id.
    caller text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of the body: tells a request sent again from another one under the same key.
    digest bytea NOT NULL,
    -- NULL while the request is under way.
    status smallint,
    content_type text,
    location text,
    -- NULL where the answer held a secret that is shown once.
    answer bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, path, key)
);
CREATE INDEX idempotency_age_idx ON idempotency (created_at);
