-- What the follower of the mail server's log may do: write the delivery log, and see which domains are ours and where copies (BCC) go. No mailbox, no alias, no hash.
--
-- Run it as the database's root after `manage.py migrate`, as grants.sql:  mariadb < deliveries.sql
--
-- Try it:  mariadb -u @DELIVERIES_SQL_USER@ -p @DB_NAME@ -e 'SELECT result, COUNT(*) FROM delivery GROUP BY result'
--          mariadb -u @DELIVERIES_SQL_USER@ -p @DB_NAME@ -e 'SELECT username FROM mailbox'       must be refused

CREATE USER IF NOT EXISTS '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DELIVERIES_SQL_PASSWORD@';
ALTER USER '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DELIVERIES_SQL_PASSWORD@';
GRANT SELECT (domain) ON `@DB_NAME@`.domain TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT (goto, goto_domain) ON `@DB_NAME@`.mail_copy TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@DB_NAME@`.delivery TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, DELETE ON `@DB_NAME@`.delivery_key TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@DB_NAME@`.delivery_day TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE ON `@DB_NAME@`.sender_day TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, DELETE ON `@DB_NAME@`.open_mail TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE ON `@DB_NAME@`.log_position TO '@DELIVERIES_SQL_USER@'@'@SQL_CLIENT@';
