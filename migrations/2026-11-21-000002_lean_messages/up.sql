-- What a new message has to touch ---------------------------------------------------------------------------------------

-- A foreign key looks up, and locks, the row that it points to for each message: a third of what storing one costs. Both are
-- true without that. The batch that inserts has the conversation's row locked already, and the author was a member at the
-- conversation's version, which the batch compares with the present one. What a foreign key does when its row is deleted the
-- triggers below do.
ALTER TABLE messages DROP CONSTRAINT messages_conversation_id_fkey;
ALTER TABLE messages DROP CONSTRAINT messages_author_id_fkey;

CREATE FUNCTION delete_messages_of_conversations() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM messages USING gone WHERE messages.conversation_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER delete_messages AFTER DELETE ON conversations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_messages_of_conversations();

CREATE FUNCTION forget_authors() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE messages SET author_id = NULL FROM gone WHERE messages.author_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_author AFTER DELETE ON users
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_authors();

-- Whoever removes members raises the conversation's version; here it is a user's row that takes the memberships with it.
CREATE FUNCTION raise_versions_of_conversations() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE conversations SET version = version + 1 FROM (
        SELECT conversations.id FROM conversations WHERE id IN (SELECT conversation_id FROM gone) ORDER BY id FOR UPDATE
    ) AS left_behind WHERE conversations.id = left_behind.id;
    -- What was stored between the end of the user's row and this lock.
    UPDATE messages SET author_id = NULL FROM gone
    WHERE messages.conversation_id = gone.conversation_id AND messages.author_id = gone.user_id
        AND NOT EXISTS (SELECT FROM users WHERE users.id = gone.user_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER raise_versions AFTER DELETE ON members
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT WHEN (pg_trigger_depth() > 0)
    EXECUTE FUNCTION raise_versions_of_conversations();

-- Room on each page, so that a counter that is raised stays on its page and no index is touched.
ALTER TABLE conversations SET (fillfactor = 70);
