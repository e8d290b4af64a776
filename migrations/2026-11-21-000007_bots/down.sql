ALTER TABLE chatbots DROP COLUMN updated_at;
DROP TABLE chatbot_passages;
DROP TABLE chatbot_attachments;
DROP TABLE answer_usage;
DROP TABLE answers;
ALTER TABLE messages DROP COLUMN ended;
DROP INDEX conversations_bot_idx;
ALTER TABLE conversations DROP COLUMN answered_seq;
ALTER TABLE conversations DROP COLUMN turn;
