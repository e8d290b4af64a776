DROP INDEX users_avatar_idx;
ALTER TABLE users DROP CONSTRAINT users_avatar_fkey;
DROP INDEX media_owner_idx;
CREATE INDEX media_owner_idx ON media (owner_id);
DROP INDEX media_project_idx;
CREATE INDEX media_project_idx ON media (project_id);
ALTER TABLE media DROP COLUMN thumbnail;
ALTER TABLE media DROP COLUMN arrived;
ALTER TABLE media DROP COLUMN of_project;
