ALTER TABLE conversations RESET (fillfactor);
DROP TRIGGER raise_versions ON members;
DROP FUNCTION raise_versions_of_conversations();
DROP TRIGGER forget_author ON users;
DROP FUNCTION forget_authors();
DROP TRIGGER delete_messages ON conversations;
DROP FUNCTION delete_messages_of_conversations();
-- Whoever wrote a message while being deleted.
UPDATE messages SET author_id = NULL
WHERE author_id IS NOT NULL AND NOT EXISTS (SELECT FROM users WHERE users.id = messages.author_id);
ALTER TABLE messages ADD CONSTRAINT messages_author_id_fkey
    FOREIGN KEY (author_id) REFERENCES users ON DELETE SET NULL;
ALTER TABLE messages ADD CONSTRAINT messages_conversation_id_fkey
    FOREIGN KEY (conversation_id) REFERENCES conversations ON DELETE CASCADE;
