-- What the mail daemons may see and do in the database, column by column.
--
-- Run it as the database's root after `manage.py migrate` (a column must exist before it can be granted),
-- and again after an upgrade of the panel or a new run of `manage.py mailconf`:
--   mariadb < grants.sql
--
-- Try it:  SHOW GRANTS FOR '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
--          mariadb -u @POSTFIX_SQL_USER@ -p @DB_NAME@ -e 'SELECT password FROM mailbox'      must be refused
--
-- Nothing is taken away here, for Postfix and Dovecot ask all the while.
--
-- A column that a query in deploy/postfix or deploy/dovecot uses must be granted here.

-- Postfix: finds addresses. It never sees a password hash, a token or a TOTP secret.
CREATE USER IF NOT EXISTS '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@POSTFIX_SQL_PASSWORD@';
ALTER USER '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@POSTFIX_SQL_PASSWORD@';
GRANT SELECT (domain, transport, backupmx, active)
  ON `@DB_NAME@`.domain TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (username, maildir, quota, local_part, domain, active, smtp_active)
  ON `@DB_NAME@`.mailbox TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (address, goto, domain, active)
  ON `@DB_NAME@`.alias TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (alias, target, bare, domain)
  ON `@DB_NAME@`.alias_target TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
-- The functions of alias.cf, which run with the rights of their caller. (Granted by name, the right would
-- be gone whenever one is created anew.)
GRANT EXECUTE ON `@DB_NAME@`.* TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (alias_domain, target_domain, active)
  ON `@DB_NAME@`.alias_domain TO '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';

-- Dovecot: checks passwords, so it reads the hash; writes nothing but used quota.
CREATE USER IF NOT EXISTS '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DOVECOT_SQL_PASSWORD@';
ALTER USER '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DOVECOT_SQL_PASSWORD@';
GRANT SELECT (domain, active, password_expiry)
  ON `@DB_NAME@`.domain TO '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (username, password, maildir, quota, local_part, domain, active, smtp_active, password_expiry)
  ON `@DB_NAME@`.mailbox TO '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (address, goto, active)
  ON `@DB_NAME@`.alias TO '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (alias_domain, target_domain, active)
  ON `@DB_NAME@`.alias_domain TO '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE
  ON `@DB_NAME@`.quota2 TO '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@';
