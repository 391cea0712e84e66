-- What the signer may read: the keys that sign for domains that are on, and whose mail they sign; for rspamd also who may send how much.
-- It sees no other table.
--
-- Run it as the database's root after `manage.py migrate`, as grants.sql:  mariadb < signer.sql
-- The views have the rights of whoever runs this; that account must stay.
--
-- Try it:  mariadb -u @SIGNER_SQL_USER@ -p @DB_NAME@ -e 'SELECT domain_name, selector FROM dkim_signer_keys'
--          mariadb -u @SIGNER_SQL_USER@ -p @DB_NAME@ -e 'SELECT private_key FROM dkim'       must be refused

CREATE OR REPLACE SQL SECURITY DEFINER VIEW `@DB_NAME@`.dkim_signer_authors AS
  SELECT s.author, s.dkim_id FROM `@DB_NAME@`.dkim_signing s
    JOIN `@DB_NAME@`.dkim k ON k.id = s.dkim_id
    JOIN `@DB_NAME@`.domain d ON d.domain = k.domain_name AND d.active = 1;
CREATE OR REPLACE SQL SECURITY DEFINER VIEW `@DB_NAME@`.dkim_signer_keys AS
  SELECT k.id, k.domain_name, k.selector, k.private_key FROM `@DB_NAME@`.dkim k
    JOIN `@DB_NAME@`.domain d ON d.domain = k.domain_name AND d.active = 1
    WHERE EXISTS (SELECT 1 FROM `@DB_NAME@`.dkim_signing s WHERE s.dkim_id = k.id);
CREATE OR REPLACE SQL SECURITY DEFINER VIEW `@DB_NAME@`.sending_limits AS
  SELECT username AS sender, sending_limit AS recipients FROM `@DB_NAME@`.mailbox WHERE sending_limit IS NOT NULL
  UNION ALL
  SELECT CONCAT('@', domain), sending_limit FROM `@DB_NAME@`.domain WHERE sending_limit IS NOT NULL;

CREATE USER IF NOT EXISTS '@SIGNER_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@SIGNER_SQL_PASSWORD@';
ALTER USER '@SIGNER_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@SIGNER_SQL_PASSWORD@';
GRANT SELECT ON `@DB_NAME@`.dkim_signer_authors TO '@SIGNER_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT ON `@DB_NAME@`.dkim_signer_keys TO '@SIGNER_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT ON `@DB_NAME@`.sending_limits TO '@SIGNER_SQL_USER@'@'@SQL_CLIENT@';
