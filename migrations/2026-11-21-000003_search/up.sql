-- Full-text search -------------------------------------------------------------------------------------------------------

-- The words of a text, stemmed in each language that is searched in: whoever asks in one of them finds them.
CREATE FUNCTION search_words(body text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('french'::regconfig, body) || to_tsvector('english'::regconfig, body)
$$;

-- Texts as search has them: copied from `messages` behind the batch that stores them, since an index of words on that table
-- would cost the batch more than everything else it does. No foreign keys: they would lock rows that the batch needs.
CREATE TABLE searchable (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX searchable_words_idx ON searchable USING gin (search_words(body));

-- Up to which message the texts of a conversation were copied.
CREATE TABLE search_marks (
    conversation_id uuid PRIMARY KEY,
    seq bigint NOT NULL
);

-- What was edited or deleted is found no longer by what it said before.
CREATE FUNCTION follow_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE searchable SET body = NEW.body WHERE conversation_id = NEW.conversation_id AND seq = NEW.seq;
    RETURN NULL;
END
$$;
CREATE TRIGGER follow_edit AFTER UPDATE OF body ON messages FOR EACH ROW EXECUTE FUNCTION follow_edit();

CREATE FUNCTION forget_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM searchable USING gone WHERE searchable.conversation_id = gone.id;
    DELETE FROM search_marks USING gone WHERE search_marks.conversation_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_texts AFTER DELETE ON conversations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_texts();
