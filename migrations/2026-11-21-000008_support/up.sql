-- The support desk -------------------------------------------------------------------------------------------------------

-- Requests go to the least busy agent who is available, without being taken.
ALTER TABLE projects ADD COLUMN support_auto_assign boolean NOT NULL DEFAULT false;
-- Seconds without a word after which a session ends.
ALTER TABLE projects ADD COLUMN support_timeout_s integer NOT NULL DEFAULT 1800
    CHECK (support_timeout_s BETWEEN 60 AND 604800);

-- How agents and administrators work. No row: away, with the usual capacity.
CREATE TABLE support_agents (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'away' CHECK (status IN ('available', 'busy', 'away')),
    -- Requests in progress that the agent has at once.
    capacity integer NOT NULL DEFAULT 5 CHECK (capacity BETWEEN 1 AND 100),
    -- When the agent was last given a request: of agents with as much to do it is the next one's turn.
    assigned_at timestamptz
);
CREATE INDEX support_agents_project_idx ON support_agents (project_id, status);

CREATE TABLE support_requests (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    -- NULL: deleted since.
    customer_id uuid REFERENCES users ON DELETE SET NULL,
    agent_id uuid REFERENCES users ON DELETE SET NULL,
    kind text NOT NULL CHECK (kind IN ('CHAT', 'CONTACT_FORM')),
    status text NOT NULL DEFAULT 'NEW' CHECK (status IN ('NEW', 'IN_PROGRESS', 'RESOLVED', 'CLOSED')),
    priority text NOT NULL CHECK (priority IN ('LOW', 'MEDIUM', 'HIGH')),
    -- The priority as the queue has it, most urgent first.
    rank smallint NOT NULL GENERATED ALWAYS AS (CASE priority WHEN 'HIGH' THEN 0 WHEN 'MEDIUM' THEN 1 ELSE 2 END) STORED,
    subject text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    stars smallint CHECK (stars BETWEEN 1 AND 5),
    comment text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Its age in the queue: a request that came back keeps it.
    queued_at timestamptz NOT NULL,
    -- When it was last taken out of the queue.
    taken_at timestamptz,
    first_response_at timestamptz,
    resolved_at timestamptz
);
-- The queue, and lists by status.
CREATE INDEX support_requests_queue_idx ON support_requests (project_id, status, rank, queued_at, id);
CREATE INDEX support_requests_created_idx ON support_requests (project_id, created_at, id);
CREATE INDEX support_requests_customer_idx ON support_requests (customer_id, created_at);
CREATE INDEX support_requests_agent_idx ON support_requests (agent_id, status);
-- How fast requests were taken of late.
CREATE INDEX support_requests_taken_idx ON support_requests (project_id, taken_at) WHERE taken_at IS NOT NULL;
-- Those that somebody must look after: looked through now and then for people who are gone.
CREATE INDEX support_requests_open_idx ON support_requests (id) WHERE status IN ('NEW', 'IN_PROGRESS', 'RESOLVED');

CREATE TABLE support_sessions (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES support_requests ON DELETE CASCADE,
    conversation_id uuid NOT NULL UNIQUE REFERENCES conversations ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'CLOSED', 'TIMEOUT')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- When to look whether it has gone quiet; what was said meanwhile puts it off then.
    due_at timestamptz NOT NULL
);
CREATE INDEX support_sessions_request_idx ON support_sessions (request_id, created_at);
CREATE UNIQUE INDEX support_sessions_active_idx ON support_sessions (request_id) WHERE status = 'ACTIVE';
CREATE INDEX support_sessions_due_idx ON support_sessions (due_at) WHERE status = 'ACTIVE';

-- Every step with who and when; nothing here is ever changed.
CREATE TABLE support_steps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES support_requests ON DELETE CASCADE,
    step text NOT NULL CHECK (step IN ('created', 'taken', 'assigned', 'transferred', 'returned', 'resolved', 'closed',
        'reopened', 'session_opened', 'session_closed', 'session_timed_out', 'mode_changed', 'noted', 'tagged', 'rated')),
    at timestamptz NOT NULL,
    -- NULL: the desk itself, or a user deleted since.
    actor_id uuid REFERENCES users ON DELETE SET NULL,
    from_id uuid REFERENCES users ON DELETE SET NULL,
    to_id uuid REFERENCES users ON DELETE SET NULL,
    session_id uuid,
    detail text
);
CREATE INDEX support_steps_request_idx ON support_steps (request_id, id);
CREATE INDEX support_steps_actor_idx ON support_steps (actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX support_steps_from_idx ON support_steps (from_id) WHERE from_id IS NOT NULL;
CREATE INDEX support_steps_to_idx ON support_steps (to_id) WHERE to_id IS NOT NULL;

-- What agents tell each other: never in a conversation, so no way leads from there to the customer.
CREATE TABLE support_notes (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES support_requests ON DELETE CASCADE,
    author_id uuid REFERENCES users ON DELETE SET NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX support_notes_request_idx ON support_notes (request_id, created_at, id);
CREATE INDEX support_notes_author_idx ON support_notes (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE support_canned (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT support_canned_name_key UNIQUE (project_id, name)
);
-- Projects whose desk assigns: looked for all the time.
CREATE INDEX projects_support_auto_assign_idx ON projects (id) WHERE support_auto_assign;
