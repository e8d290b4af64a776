DROP TRIGGER forget_quotas ON users;
DROP TRIGGER forget_quotas ON conversations;
DROP TRIGGER forget_quotas ON projects;
DROP TRIGGER forget_quotas ON organizations;
DROP FUNCTION forget_quotas();
DROP TABLE usage_days;
DROP SEQUENCE quota_turns;
DROP TABLE reservations;

CREATE TABLE token_usage (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    month date NOT NULL,
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    quota bigint NOT NULL DEFAULT 50000 CHECK (quota >= 0),
    PRIMARY KEY (user_id, month)
);
INSERT INTO token_usage (user_id, month, used, quota)
    SELECT m.subject_id, m.month, m.tokens, COALESCE(q.tokens, 50000)
    FROM usage_months m JOIN users u ON u.id = m.subject_id
    LEFT JOIN quotas q ON q.level = m.level AND q.subject_id = m.subject_id WHERE m.level = 'user';

DROP TABLE usage_months;
DROP TABLE quotas;
