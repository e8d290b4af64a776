DROP TABLE callbacks;
DROP TABLE app_invitations;
ALTER TABLE apps DROP COLUMN user_id, DROP COLUMN callback_secret;
