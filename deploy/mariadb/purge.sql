-- What mailadmin-purge.service may do: see which directories were those of deleted mailboxes, which of them are kept and which a mailbox has,
-- and take them off that list. No address but those, no hash, no content of what can be restored.
--
-- Run it as the database's root after `manage.py migrate`, as grants.sql:  mariadb < purge.sql
--
-- Try it:  mariadb -u @PURGE_SQL_USER@ -p @DB_NAME@ -e 'SELECT maildir FROM retired_maildir'
--          mariadb -u @PURGE_SQL_USER@ -p @DB_NAME@ -e 'SELECT data FROM deleted_row'       must be refused

CREATE USER IF NOT EXISTS '@PURGE_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@PURGE_SQL_PASSWORD@';
ALTER USER '@PURGE_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@PURGE_SQL_PASSWORD@';
GRANT SELECT (username, maildir) ON `@DB_NAME@`.mailbox TO '@PURGE_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (maildir) ON `@DB_NAME@`.deleted_row TO '@PURGE_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, UPDATE (maildir), DELETE ON `@DB_NAME@`.retired_maildir TO '@PURGE_SQL_USER@'@'@SQL_CLIENT@';
