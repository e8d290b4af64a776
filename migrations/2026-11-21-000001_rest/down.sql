DROP TABLE idempotency;
ALTER TABLE projects DROP COLUMN registration;
DROP INDEX users_name_start_idx, users_username_start_idx;
ALTER TABLE users DROP COLUMN language, DROP COLUMN email, DROP COLUMN last_name, DROP COLUMN first_name;
