DROP TABLE support_canned, support_notes, support_steps, support_sessions, support_requests, support_agents;
DROP INDEX projects_support_auto_assign_idx;
ALTER TABLE projects DROP COLUMN support_timeout_s, DROP COLUMN support_auto_assign;
