-- Roundcube's own database, and a user who may change its rows: no table, and nothing of the mail server's.
-- Its tables are Roundcube's; they are made by its own file:
--   mariadb < database.sql
--   mariadb @ROUNDCUBE_DB@ < /usr/share/roundcube/SQL/mysql.initial.sql      once
--
-- Try it:  mariadb -u @ROUNDCUBE_SQL_USER@ -p -e 'SELECT * FROM @DB_NAME@.mailbox'      must be refused
CREATE DATABASE IF NOT EXISTS `@ROUNDCUBE_DB@` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE USER IF NOT EXISTS '@ROUNDCUBE_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@ROUNDCUBE_SQL_PASSWORD@';
ALTER USER '@ROUNDCUBE_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@ROUNDCUBE_SQL_PASSWORD@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@ROUNDCUBE_DB@`.* TO '@ROUNDCUBE_SQL_USER@'@'@SQL_CLIENT@';
