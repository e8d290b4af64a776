-- Who may answer -------------------------------------------------------------------------------------------------------

-- Goes up whenever somebody else is to answer: what was begun in an older turn is not said any more.
ALTER TABLE conversations ADD COLUMN turn bigint NOT NULL DEFAULT 0;
-- Up to which message the bot has looked at what was said.
ALTER TABLE conversations ADD COLUMN answered_seq bigint NOT NULL DEFAULT 0;
UPDATE conversations SET answered_seq = last_seq;

-- For the look at what nobody answered.
CREATE INDEX conversations_bot_idx ON conversations (project_id) WHERE mode = 'bot';

-- How a bot's message ended, where that was not by itself: somebody stopped it, or it broke off.
ALTER TABLE messages ADD COLUMN ended text CHECK (ended IN ('stopped', 'broken_off'));

-- Answers under way: one a conversation, on whichever node. A row that is not renewed is one whose node is gone.
CREATE TABLE answers (
    conversation_id uuid PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    -- The message that it becomes.
    id uuid NOT NULL UNIQUE,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    chatbot_id uuid NOT NULL REFERENCES chatbots ON DELETE CASCADE,
    -- Whom it answers, and on whose account.
    asker_id uuid REFERENCES users ON DELETE SET NULL,
    turn bigint NOT NULL,
    llm text NOT NULL,
    -- Which process works on it.
    holder uuid NOT NULL,
    held_until timestamptz NOT NULL,
    -- What was said so far, now and then; and the characters that the model was told.
    body text NOT NULL DEFAULT '',
    input_characters bigint NOT NULL DEFAULT 0,
    -- Somebody asked a node to stop it that does not work on it.
    stopped boolean NOT NULL DEFAULT false,
    begun_at timestamptz NOT NULL
);
CREATE INDEX answers_project_idx ON answers (project_id);
CREATE INDEX answers_chatbot_idx ON answers (chatbot_id);
CREATE INDEX answers_asker_idx ON answers (asker_id);
CREATE INDEX answers_held_idx ON answers (held_until);

-- What a bot's message took, for who is told of it later.
CREATE TABLE answer_usage (
    message_id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    input_tokens bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens bigint NOT NULL CHECK (output_tokens >= 0)
);
CREATE INDEX answer_usage_conversation_idx ON answer_usage (conversation_id);

-- What bots know -------------------------------------------------------------------------------------------------------

CREATE TABLE chatbot_attachments (
    chatbot_id uuid NOT NULL REFERENCES chatbots ON DELETE CASCADE,
    media_id uuid NOT NULL REFERENCES media ON DELETE CASCADE,
    position integer NOT NULL,
    comment text NOT NULL DEFAULT '',
    PRIMARY KEY (chatbot_id, media_id)
);
CREATE INDEX chatbot_attachments_media_idx ON chatbot_attachments (media_id);

-- Pieces of attachments, for the full-text search.
CREATE TABLE chatbot_passages (
    chatbot_id uuid NOT NULL,
    media_id uuid NOT NULL,
    position integer NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (chatbot_id, media_id, position),
    FOREIGN KEY (chatbot_id, media_id) REFERENCES chatbot_attachments ON DELETE CASCADE
);
CREATE INDEX chatbot_passages_words_idx ON chatbot_passages USING gin (search_words(body));

ALTER TABLE chatbots ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
