-- Files ------------------------------------------------------------------------------------------------------------------

-- An app's: the project's own. Not the same as without an owner, for users are deleted too.
ALTER TABLE media ADD COLUMN of_project boolean NOT NULL DEFAULT false;
-- False while the file is still on its way; its size is then what was set aside for it. The row is there before the object
-- and goes before it: so an object without a row is nobody's.
ALTER TABLE media ADD COLUMN arrived boolean NOT NULL DEFAULT true;
-- Whether there is a small picture of it; NULL where nobody asked yet.
ALTER TABLE media ADD COLUMN thumbnail boolean;

-- What a project has is summed up for each upload: from the index alone.
DROP INDEX media_project_idx;
CREATE INDEX media_project_idx ON media (project_id) INCLUDE (size);
DROP INDEX media_owner_idx;
CREATE INDEX media_owner_idx ON media (owner_id) INCLUDE (size);

-- A picture that is deleted is nobody's avatar any more.
UPDATE users SET avatar = NULL WHERE avatar IS NOT NULL AND NOT EXISTS (SELECT FROM media WHERE media.id = users.avatar);
ALTER TABLE users ADD CONSTRAINT users_avatar_fkey FOREIGN KEY (avatar) REFERENCES media ON DELETE SET NULL;
CREATE INDEX users_avatar_idx ON users (avatar) WHERE avatar IS NOT NULL;
