-- What the mail daemons may see and do in the database, column by column.
--
-- Run it as the database's root after `manage.py migrate` (a column must exist before it can be granted),
-- and again after an upgrade of the panel or a new run of `manage.py mailconf`:
--   mariadb < grants.sql
--
-- Try it:  SHOW GRANTS FOR '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@';
--          mariadb -u @POSTFIX_SQL_USER@ -p @DB_NAME@ -e 'SELECT password FROM mailbox'      must be refused
--
-- Postfix and Dovecot ask all the while, so nothing is taken away to be given again. The rights below go
-- to two accounts that nobody can use; the real ones are compared with these, get what they lack, and lose
-- what else they may do in this database (from an earlier release, or given by hand: maps of your own
-- want a user of their own). Rights in other databases stay.
--
-- A column that a query in deploy/postfix or deploy/dovecot uses must be granted here.

CREATE USER IF NOT EXISTS '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@POSTFIX_SQL_PASSWORD@';
ALTER USER '@POSTFIX_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@POSTFIX_SQL_PASSWORD@';
DROP USER IF EXISTS '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
CREATE USER '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@' IDENTIFIED BY '@POSTFIX_SQL_PASSWORD@' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DOVECOT_SQL_PASSWORD@';
ALTER USER '@DOVECOT_SQL_USER@'@'@SQL_CLIENT@' IDENTIFIED BY '@DOVECOT_SQL_PASSWORD@';
DROP USER IF EXISTS '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
CREATE USER '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@' IDENTIFIED BY '@DOVECOT_SQL_PASSWORD@' ACCOUNT LOCK;

-- Postfix: finds addresses. It never sees a password hash, a token or a TOTP secret.
GRANT SELECT (domain, transport, backupmx, verify_recipients, active)
  ON `@DB_NAME@`.domain TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (domain, direction, address, goto)
  ON `@DB_NAME@`.mail_copy TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (sender, action, text)
  ON `@DB_NAME@`.sender_rule TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (domain, list_number, sender, action, text)
  ON `@DB_NAME@`.domain_sender_rule TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
-- The logins of relay hosts are encrypted; the key is in relay_login.cf.
GRANT SELECT (domain, next_hop, salt, secret)
  ON `@DB_NAME@`.relay_host TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (username, maildir, quota, local_part, domain, active, smtp_active, sign_in_active, receives)
  ON `@DB_NAME@`.mailbox TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (maildir, username, awaited)
  ON `@DB_NAME@`.retired_maildir TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (address, goto, domain, active, is_self_alias, access, access_text, access_list)
  ON `@DB_NAME@`.alias TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (alias, target, bare, domain)
  ON `@DB_NAME@`.alias_target TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (username, sender)
  ON `@DB_NAME@`.send_as TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
-- The functions of alias.cf, which run with the rights of their caller. (Granted by name, the right would
-- be gone whenever one is created anew.)
GRANT EXECUTE ON `@DB_NAME@`.* TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (alias_domain, target_domain, active)
  ON `@DB_NAME@`.alias_domain TO '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';

-- Dovecot: checks passwords, so it reads the hash; writes nothing but used quota, the last sign-in and its list of shared mailboxes.
GRANT SELECT (domain, active, password_expiry)
  ON `@DB_NAME@`.domain TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (username, password, maildir, quota, local_part, domain, active, smtp_active, imap_active, pop3_active, sieve_active,
    sign_in_active, app_only, receives, password_expiry)
  ON `@DB_NAME@`.mailbox TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (id, username, password_hash, protocols, networks, expires)
  ON `@DB_NAME@`.mailbox_app_password TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (address, goto, domain, active, is_self_alias)
  ON `@DB_NAME@`.alias TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (alias_domain, target_domain, active)
  ON `@DB_NAME@`.alias_domain TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
-- Who is away, and what is answered: the view runs with the rights of its caller.
GRANT SELECT (email, subject, body, active, activefrom, activeuntil, interval_time)
  ON `@DB_NAME@`.vacation TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT (alias, bare)
  ON `@DB_NAME@`.alias_target TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT ON `@DB_NAME@`.sieve_vacation TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT ON `@DB_NAME@`.sieve_vacation_text TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
-- Who is in the group of a shared mailbox is read alone; which group sees which mailbox is Dovecot's own list.
GRANT SELECT (id, person)
  ON `@DB_NAME@`.mailbox_share TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE
  ON `@DB_NAME@`.mailbox_share_index TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE, DELETE
  ON `@DB_NAME@`.quota2 TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
GRANT SELECT, INSERT, UPDATE
  ON `@DB_NAME@`.last_login TO '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';

-- The comparison: first what is missing, then what is too much.
DROP PROCEDURE IF EXISTS `@DB_NAME@`.mailadmin_even_out;
DELIMITER //
CREATE PROCEDURE `@DB_NAME@`.mailadmin_even_out()
BEGIN
  DECLARE finished BOOL DEFAULT FALSE;
  DECLARE difference TEXT;
  DECLARE differences CURSOR FOR
    SELECT CONCAT(IF(MAX(wanted), 'GRANT ', 'REVOKE '), privilege, place, IF(MAX(wanted), ' TO ', ' FROM '), account)
      FROM (
        SELECT REPLACE(grantee, '_wanted''@', '''@') AS account, grantee LIKE '%_wanted''@%' AS wanted,
          privilege_type AS privilege, ' ON `@DB_NAME@`.*' AS place
          FROM information_schema.schema_privileges WHERE table_schema = '@DB_NAME@'
        UNION ALL
        SELECT REPLACE(grantee, '_wanted''@', '''@'), grantee LIKE '%_wanted''@%',
          privilege_type, CONCAT(' ON `@DB_NAME@`.`', table_name, '`')
          FROM information_schema.table_privileges WHERE table_schema = '@DB_NAME@'
        UNION ALL
        SELECT REPLACE(grantee, '_wanted''@', '''@'), grantee LIKE '%_wanted''@%',
          CONCAT(privilege_type, ' (`', column_name, '`)'), CONCAT(' ON `@DB_NAME@`.`', table_name, '`')
          FROM information_schema.column_privileges WHERE table_schema = '@DB_NAME@'
      ) AS rights
      WHERE account IN ('''@POSTFIX_SQL_USER@''@''@SQL_CLIENT@''', '''@DOVECOT_SQL_USER@''@''@SQL_CLIENT@''')
      GROUP BY account, privilege, place
      HAVING COUNT(*) = 1
      ORDER BY MAX(wanted) DESC;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET finished = TRUE;
  OPEN differences;
  FETCH differences INTO difference;
  WHILE NOT finished DO
    SET @difference = difference;
    PREPARE difference FROM @difference;
    EXECUTE difference;
    FETCH differences INTO difference;
  END WHILE;
  CLOSE differences;
END //
DELIMITER ;
CALL `@DB_NAME@`.mailadmin_even_out();
DROP PROCEDURE `@DB_NAME@`.mailadmin_even_out;
DROP USER '@POSTFIX_SQL_USER@_wanted'@'@SQL_CLIENT@';
DROP USER '@DOVECOT_SQL_USER@_wanted'@'@SQL_CLIENT@';
