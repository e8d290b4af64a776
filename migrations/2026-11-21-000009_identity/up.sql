-- Who beside this server may say who a project's users are: one issuer a project.
CREATE TABLE issuers (
    project_id uuid PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    issuer text NOT NULL,
    audience text NOT NULL,
    -- Where its public keys are.
    jwks text NOT NULL,
    -- Users are made of tokens that name nobody known.
    create_users boolean NOT NULL DEFAULT false
);

-- A REST call says by its token alone for which project it is.
CREATE INDEX issuers_issuer_audience ON issuers (issuer, audience);

-- Users as issuers name them.
CREATE TABLE identities (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (project_id, issuer, subject)
);

CREATE INDEX identities_user_id ON identities (user_id);
