DROP TRIGGER forget_texts ON conversations;
DROP FUNCTION forget_texts();
DROP TRIGGER follow_edit ON messages;
DROP FUNCTION follow_edit();
DROP TABLE search_marks;
DROP TABLE searchable;
DROP FUNCTION search_words(text);
