-- What mailadmin-signins.service may do: write sign-ins, when each mailbox and app password was used last, and refused networks; and see which mailboxes
-- there are. No hash, no domain, no alias.
--
-- Run it as the database's root after `manage.py migrate`, as grants.sql:  mariadb < signins.sql
--
-- Try it:  mariadb -u @SIGNINS_SQL_USER@ -p @DB_NAME@ -e 'SELECT protocol, success, SUM(number) FROM sign_in GROUP BY 1, 2'
--          mariadb -u @SIGNINS_SQL_USER@ -p @DB_NAME@ -e 'SELECT password FROM mailbox'       must be refused

CREATE USER IF NOT EXISTS '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@SIGNINS_SQL_PASSWORD@';
ALTER USER '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@SIGNINS_SQL_PASSWORD@';
GRANT SELECT (username) ON `@DB_NAME@`.mailbox TO '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@DB_NAME@`.sign_in TO '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE ON `@DB_NAME@`.last_login TO '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (id, username, used), UPDATE (used, used_address, used_protocol)
  ON `@DB_NAME@`.mailbox_app_password TO '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@DB_NAME@`.refused_network TO '@SIGNINS_SQL_USER@'@'@SQL_CLIENT@';
