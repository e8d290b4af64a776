-- Quotas ---------------------------------------------------------------------------------------------------------------

-- What may be used up in a calendar month (UTC). Money is in millionths of the server's currency. Subjects are of four kinds, so
-- no foreign key: triggers below remove what belongs to one that is gone.
CREATE TABLE quotas (
    level text NOT NULL CHECK (level IN ('organization', 'project', 'conversation', 'user')),
    subject_id uuid NOT NULL,
    -- NULL: no limit; for a user the server's default.
    tokens bigint CHECK (tokens >= 0),
    money bigint CHECK (money >= 0),
    -- The same, as the organization set it for its project: the lower one holds.
    cap_tokens bigint CHECK (cap_tokens >= 0),
    cap_money bigint CHECK (cap_money >= 0),
    PRIMARY KEY (level, subject_id)
);

-- What was used up, settled, by calendar month (its first day).
CREATE TABLE usage_months (
    level text NOT NULL CHECK (level IN ('organization', 'project', 'conversation', 'user')),
    subject_id uuid NOT NULL,
    month date NOT NULL,
    tokens bigint NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    money bigint NOT NULL DEFAULT 0 CHECK (money >= 0),
    -- When it was told that most of the quota is used up: once a month.
    warned_at timestamptz,
    PRIMARY KEY (level, subject_id, month)
);
-- Room for counters that are raised with each answer of a model.
ALTER TABLE usage_months SET (fillfactor = 70);

INSERT INTO usage_months (level, subject_id, month, tokens) SELECT 'user', user_id, month, used FROM token_usage;
-- Who had the default of before has that of the server.
INSERT INTO quotas (level, subject_id, tokens)
    SELECT 'user', latest.user_id, latest.quota
    FROM (SELECT DISTINCT ON (user_id) user_id, quota FROM token_usage ORDER BY user_id, month DESC) AS latest
    WHERE latest.quota <> 50000;
DROP TABLE token_usage;

-- Calls of models that are under way, or wait for a place. No foreign keys: what was used is booked whoever is gone meanwhile.
CREATE TABLE reservations (
    id uuid PRIMARY KEY,
    -- The order of those who wait.
    ticket bigint GENERATED ALWAYS AS IDENTITY,
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    conversation_id uuid,
    user_id uuid,
    chatbot_id uuid,
    model text NOT NULL,
    -- On which it is booked, in its month.
    day date NOT NULL,
    -- taken_back: its process was not heard of; what it had noted is booked, and what it may still say comes on top.
    state text NOT NULL CHECK (state IN ('waiting', 'granted', 'taken_back')),
    -- What is kept for it, or what it waits for.
    tokens bigint NOT NULL,
    money bigint NOT NULL,
    -- In millionths for a million tokens; NULL: no price is known.
    input_price bigint,
    output_price bigint,
    -- What it has used so far, as it said.
    input_used bigint NOT NULL DEFAULT 0,
    output_used bigint NOT NULL DEFAULT 0,
    input_booked bigint NOT NULL DEFAULT 0,
    output_booked bigint NOT NULL DEFAULT 0,
    -- By the database's clock; its process moves it on as long as it lives.
    leased_until timestamptz NOT NULL
);
CREATE INDEX reservations_organization_idx ON reservations (organization_id);
ALTER TABLE reservations SET (fillfactor = 50);

-- Moves on when something was given back: who waits on another node looks again.
CREATE SEQUENCE quota_turns;

-- What was used, for reports. Nobody (an answer that was asked for by no user, no chatbot, no conversation) is the nil UUID.
CREATE TABLE usage_days (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    day date NOT NULL,
    user_id uuid NOT NULL,
    chatbot_id uuid NOT NULL,
    model text NOT NULL,
    conversation_id uuid NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    money bigint NOT NULL,
    PRIMARY KEY (project_id, day, user_id, chatbot_id, model, conversation_id)
);
CREATE INDEX usage_days_user_idx ON usage_days (user_id, day);

-- The name of the level is the trigger's argument.
CREATE FUNCTION forget_quotas() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM quotas USING gone WHERE quotas.level = TG_ARGV[0] AND quotas.subject_id = gone.id;
    DELETE FROM usage_months USING gone WHERE usage_months.level = TG_ARGV[0] AND usage_months.subject_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_quotas AFTER DELETE ON organizations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_quotas('organization');
CREATE TRIGGER forget_quotas AFTER DELETE ON projects
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_quotas('project');
CREATE TRIGGER forget_quotas AFTER DELETE ON conversations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_quotas('conversation');
CREATE TRIGGER forget_quotas AFTER DELETE ON users
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_quotas('user');
