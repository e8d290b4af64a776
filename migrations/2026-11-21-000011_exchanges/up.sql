-- Who waits for a bot's answer to what they ask has the conversation for themselves meanwhile. It need not be there yet, so this
-- is no foreign key. A row that was not renewed, by the clock of the database, is one whose node is gone.
CREATE TABLE exchange_turns (
    conversation_id uuid PRIMARY KEY,
    holder uuid NOT NULL,
    held_until timestamptz NOT NULL
);
CREATE INDEX exchange_turns_held_idx ON exchange_turns (held_until);

-- Questions that were stored together with their answers, which are the messages after them; with the names and sizes of the files
-- that came along.
CREATE TABLE exchanges (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    files jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (conversation_id, seq),
    FOREIGN KEY (conversation_id, seq) REFERENCES messages ON DELETE CASCADE
);

-- Conversations of other back ends with a bot, which have no members.
CREATE TABLE instances (
    conversation_id uuid PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    chatbot_id uuid NOT NULL REFERENCES chatbots ON DELETE CASCADE
);
CREATE INDEX instances_chatbot_idx ON instances (chatbot_id);
