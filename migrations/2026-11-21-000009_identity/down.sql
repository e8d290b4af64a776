DROP TABLE identities;
DROP TABLE issuers;
