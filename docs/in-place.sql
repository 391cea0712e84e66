-- PostfixAdmin's tables (3.3 or later, without a prefix) become this panel's where they are: docs/leaving-postfixadmin.md, "By hand".
-- Run it with nobody writing, after a dump: mariadb postfixadmin < in-place.sql
SET SESSION sql_mode = 'STRICT_TRANS_TABLES', foreign_key_checks = 0;

-- No table is converted that another refers to. Release 4 has the first two keys; drop those of your own tables likewise.
ALTER TABLE IF EXISTS dkim_signing DROP FOREIGN KEY IF EXISTS dkim_signing_ibfk_1;
ALTER TABLE IF EXISTS dkim DROP FOREIGN KEY IF EXISTS dkim_ibfk_1;
ALTER TABLE IF EXISTS vacation_notification DROP FOREIGN KEY IF EXISTS vacation_notification_pkey;

-- Rows: keys as Postfix asks for them, and what says a key again is taken from it.
UPDATE domain SET domain = LOWER(TRIM(domain)) WHERE domain <> 'ALL';
UPDATE admin SET username = LOWER(TRIM(username));
DELETE r FROM domain_admins r LEFT JOIN admin a ON a.username = LOWER(TRIM(r.username)) WHERE a.username IS NULL;
UPDATE domain_admins SET username = LOWER(TRIM(username)), domain = IF(domain = 'ALL', 'ALL', LOWER(TRIM(domain)));
UPDATE alias_domain SET alias_domain = LOWER(TRIM(alias_domain)), target_domain = LOWER(TRIM(target_domain));
UPDATE mailbox SET username = LOWER(TRIM(username));
UPDATE mailbox SET domain = SUBSTRING_INDEX(username, '@', -1),
  local_part = LEFT(username, CHAR_LENGTH(username) - CHAR_LENGTH(SUBSTRING_INDEX(username, '@', -1)) - 1);
UPDATE alias SET goto = LOWER(TRIM(goto)) WHERE LOWER(TRIM(goto)) = LOWER(TRIM(address));
UPDATE alias SET address = LOWER(TRIM(address));
UPDATE alias SET domain = SUBSTRING_INDEX(address, '@', -1);
UPDATE quota2 SET username = LOWER(TRIM(username));
SET @there = (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'dkim');
SET @keys = IF(@there, 'UPDATE dkim SET domain_name = LOWER(TRIM(domain_name))', 'DO 0');
EXECUTE IMMEDIATE @keys;
SET @authors = IF(@there, 'UPDATE dkim_signing SET author = LOWER(TRIM(author))', 'DO 0');
EXECUTE IMMEDIATE @authors;
SET @there = (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'mailbox_app_password');
SET @apps = IF(@there, 'UPDATE mailbox_app_password SET username = LOWER(TRIM(username))', 'DO 0');
EXECUTE IMMEDIATE @apps;
SET @there = (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'vacation');
SET @away = IF(@there, 'UPDATE vacation SET email = LOWER(TRIM(email)),
  created = IF(CAST(created AS CHAR) LIKE ''0000%'', ''2000-01-01'', created),
  activefrom = IF(CAST(activefrom AS CHAR) LIKE ''0000%'', ''2000-01-01'', activefrom)', 'DO 0');
EXECUTE IMMEDIATE @away;
SET @there = (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'fetchmail');
SET @fetched = IF(@there, 'UPDATE fetchmail SET mailbox = LOWER(TRIM(mailbox)), domain = LOWER(TRIM(domain)),
  date = IF(CAST(date AS CHAR) LIKE ''0000%'', ''2000-01-01'', date), created = IF(CAST(created AS CHAR) LIKE ''0000%'', ''2000-01-01'', created),
  modified = IF(CAST(modified AS CHAR) LIKE ''0000%'', ''2000-01-01'', modified)', 'DO 0');
EXECUTE IMMEDIATE @fetched;

-- The date 0000-00-00 is "unknown".
UPDATE domain SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created),
  modified = IF(CAST(modified AS CHAR) LIKE '0000%', '2000-01-01', modified);
UPDATE admin SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created),
  modified = IF(CAST(modified AS CHAR) LIKE '0000%', '2000-01-01', modified),
  token_validity = IF(CAST(token_validity AS CHAR) LIKE '0000%', '2000-01-01', token_validity);
UPDATE domain_admins SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created);
UPDATE alias_domain SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created),
  modified = IF(CAST(modified AS CHAR) LIKE '0000%', '2000-01-01', modified);
UPDATE mailbox SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created),
  modified = IF(CAST(modified AS CHAR) LIKE '0000%', '2000-01-01', modified),
  token_validity = IF(CAST(token_validity AS CHAR) LIKE '0000%', '2000-01-01', token_validity),
  password_expiry = IF(CAST(password_expiry AS CHAR) LIKE '0000%', '2000-01-01', password_expiry);
UPDATE alias SET created = IF(CAST(created AS CHAR) LIKE '0000%', '2000-01-01', created),
  modified = IF(CAST(modified AS CHAR) LIKE '0000%', '2000-01-01', modified);
UPDATE log SET timestamp = IF(CAST(timestamp AS CHAR) LIKE '0000%', '2000-01-01', timestamp);

-- A domain that is off for each that rows name and no row is.
INSERT INTO domain (domain, description, transport, active, created, modified)
  SELECT x.named, '(adopted: rows named it, no domain did)', 'virtual', 0, NOW(), NOW()
  FROM (SELECT domain AS named FROM mailbox UNION SELECT domain FROM alias
        UNION SELECT alias_domain FROM alias_domain UNION SELECT target_domain FROM alias_domain) x
  LEFT JOIN domain d ON d.domain = x.named WHERE d.domain IS NULL;

-- Tables: the large ones first.
ALTER TABLE mailbox ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ALTER name SET DEFAULT '',
  ADD COLUMN IF NOT EXISTS totp_secret varchar(255) NULL, ADD COLUMN IF NOT EXISTS smtp_active tinyint(1) NOT NULL DEFAULT 1,
  ADD COLUMN language varchar(10) NOT NULL DEFAULT '', ADD COLUMN theme varchar(6) NOT NULL DEFAULT '',
  ADD COLUMN page_size smallint(5) unsigned NOT NULL DEFAULT 0 CHECK (page_size >= 0),
  ADD COLUMN time_zone varchar(40) NOT NULL DEFAULT '', ADD COLUMN sending_limit int(11) NULL,
  ADD COLUMN imap_active tinyint(1) NOT NULL DEFAULT 1, ADD COLUMN pop3_active tinyint(1) NOT NULL DEFAULT 1,
  ADD COLUMN sieve_active tinyint(1) NOT NULL DEFAULT 1, ADD COLUMN sign_in_active tinyint(1) NOT NULL DEFAULT 1,
  ADD COLUMN app_only tinyint(1) NOT NULL DEFAULT 0, ADD COLUMN receives tinyint(1) NOT NULL DEFAULT 1,
  ADD COLUMN must_change tinyint(1) NOT NULL DEFAULT 0,
  ADD COLUMN passkey_handle varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  DROP INDEX domain, ADD INDEX mailbox_list (domain, username), ADD INDEX mailbox_state (active, domain, username),
  ADD INDEX mailbox_domain_modified (domain, modified), ADD INDEX mailbox_modified (modified), ADD INDEX mailbox_name (name),
  ADD INDEX mailbox_maildir (maildir), ADD INDEX mailbox_quota (quota),
  ADD INDEX mailbox_sending_limit (sending_limit);
ALTER TABLE alias ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  MODIFY goto text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ADD COLUMN IF NOT EXISTS description varchar(255) NOT NULL DEFAULT '', ADD COLUMN is_self_alias tinyint(1) NOT NULL DEFAULT 0,
  ADD COLUMN access varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN access_text varchar(255) NOT NULL DEFAULT '', ADD COLUMN access_list smallint(6) NULL,
  DROP INDEX domain, ADD INDEX alias_list (is_self_alias, domain, address), ADD INDEX alias_search (is_self_alias, address),
  ADD INDEX alias_state (is_self_alias, active, domain, address), ADD INDEX alias_modified (is_self_alias, modified),
  ADD INDEX alias_in_domain (domain, is_self_alias, address), ADD INDEX alias_access (access),
  ADD CONSTRAINT alias_access_list UNIQUE (access_list);
ALTER TABLE log ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  MODIFY data text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ADD COLUMN changes longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL CHECK (json_valid(changes)),
  ADD COLUMN about varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin AS (SUBSTR(data, 1, 255)) STORED,
  ADD INDEX log_username_timestamp (username, timestamp), ADD INDEX log_action_timestamp (action, timestamp),
  ADD INDEX log_domain_action (domain, action, timestamp), ADD INDEX log_about (about, timestamp);
-- Not 255: a later PostfixAdmin would make all tables latin1 again.
ALTER TABLE quota2 ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, MODIFY username varchar(254) NOT NULL;
ALTER TABLE alias_domain ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ALTER alias_domain DROP DEFAULT, ALTER target_domain DROP DEFAULT,
  ADD COLUMN IF NOT EXISTS description varchar(255) NOT NULL DEFAULT '';
ALTER TABLE domain_admins ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, DROP INDEX username,
  ADD INDEX idx_domadm_user_domain_active (username, domain, active), ADD INDEX domain_admins_domain (domain);
ALTER TABLE admin ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN IF NOT EXISTS totp_secret varchar(255) NULL, ADD COLUMN language varchar(10) NOT NULL DEFAULT '',
  ADD COLUMN theme varchar(6) NOT NULL DEFAULT '', ADD COLUMN page_size smallint(5) unsigned NOT NULL DEFAULT 0 CHECK (page_size >= 0),
  ADD COLUMN time_zone varchar(40) NOT NULL DEFAULT '',
  ADD COLUMN must_change tinyint(1) NOT NULL DEFAULT 0,
  ADD COLUMN passkey_handle varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN reseller tinyint(1) NOT NULL DEFAULT 0, ADD COLUMN max_domains int(10) unsigned NULL CHECK (max_domains >= 0),
  ADD COLUMN max_mailboxes int(10) unsigned NULL CHECK (max_mailboxes >= 0),
  ADD COLUMN max_storage bigint(20) unsigned NULL CHECK (max_storage >= 0),
  ADD COLUMN mailbox varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, ADD UNIQUE INDEX admin_mailbox (mailbox);
ALTER TABLE domain ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  MODIFY aliases int(11) NOT NULL DEFAULT 0, MODIFY mailboxes int(11) NOT NULL DEFAULT 0,
  ALTER description SET DEFAULT '', ALTER transport SET DEFAULT 'virtual', ADD COLUMN verify_recipients tinyint(1) NOT NULL DEFAULT 0,
  ADD COLUMN sending_limit int(11) NULL,
  ADD COLUMN reseller varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD INDEX domain_active (active), ADD INDEX domain_reseller (reseller);
ALTER TABLE IF EXISTS dkim CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, MODIFY private_key text, MODIFY public_key text,
  ADD COLUMN replaced datetime NULL;
ALTER TABLE IF EXISTS dkim_signing CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE IF EXISTS totp_exception_address CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN domain varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin AS (SUBSTR(username, INSTR(username, '@') + 1)) STORED,
  ADD COLUMN for_admin tinyint(1) NOT NULL DEFAULT 0, DROP INDEX IF EXISTS ip_user,
  ADD INDEX totp_exception_username (username), ADD INDEX totp_exception_domain (domain);
ALTER TABLE IF EXISTS mailbox_app_password CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN protocols varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN networks varchar(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN expires bigint(20) NULL, ADD COLUMN created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
  ADD COLUMN used bigint(20) NULL, ADD COLUMN used_address varchar(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN used_protocol varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD INDEX app_password_sign_in (username, password_hash);
ALTER TABLE IF EXISTS vacation ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  MODIFY subject varchar(255) NOT NULL DEFAULT '', MODIFY body text NOT NULL DEFAULT '',
  MODIFY cache text NOT NULL DEFAULT '', MODIFY domain varchar(255) NOT NULL DEFAULT '',
  MODIFY modified datetime NOT NULL DEFAULT '2000-01-01 00:00:00', MODIFY created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
  MODIFY activefrom datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
  MODIFY activeuntil datetime NOT NULL DEFAULT '2038-01-18 00:00:00', DROP INDEX IF EXISTS email;
ALTER TABLE IF EXISTS fetchmail ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  MODIFY id int(11) NOT NULL AUTO_INCREMENT,
  MODIFY src_server varchar(255) NOT NULL DEFAULT '', MODIFY src_auth varchar(255) NULL,
  MODIFY src_user varchar(255) NOT NULL DEFAULT '', MODIFY src_password varchar(255) NOT NULL DEFAULT '',
  MODIFY src_folder varchar(255) NOT NULL DEFAULT '', MODIFY poll_time int(11) NOT NULL DEFAULT 10,
  MODIFY fetchall tinyint(1) NOT NULL DEFAULT 0, MODIFY keep tinyint(1) NOT NULL DEFAULT 0,
  MODIFY protocol varchar(255) NULL, MODIFY usessl tinyint(1) NOT NULL DEFAULT 0, MODIFY extra_options text NULL,
  MODIFY returned_text text NULL, MODIFY mda varchar(255) NULL DEFAULT '', MODIFY sslcertck tinyint(1) NOT NULL DEFAULT 0,
  MODIFY sslcertpath varchar(255) NULL DEFAULT '', MODIFY sslfingerprint varchar(255) NULL DEFAULT '',
  MODIFY domain varchar(255) NULL DEFAULT '', MODIFY active tinyint(1) NOT NULL DEFAULT 0, MODIFY src_port int(11) NOT NULL DEFAULT 0,
  MODIFY date datetime NOT NULL DEFAULT '2000-01-01 00:00:00', MODIFY created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
  MODIFY modified datetime NOT NULL DEFAULT '2000-01-01 00:00:00', ADD COLUMN plain tinyint(1) NOT NULL DEFAULT 0,
  ADD COLUMN outcome varchar(40) NOT NULL DEFAULT '', ADD COLUMN said varchar(500) NOT NULL DEFAULT '',
  ADD COLUMN taken int(11) NOT NULL DEFAULT 0, ADD COLUMN failures int(11) NOT NULL DEFAULT 0,
  ADD COLUMN next_run bigint(20) NOT NULL DEFAULT 0, ADD COLUMN busy_until bigint(20) NOT NULL DEFAULT 0,
  DROP INDEX IF EXISTS idx_fetchmail_domain, ADD INDEX fetchmail_mailbox (mailbox), ADD INDEX fetchmail_due (active, next_run);
ALTER TABLE IF EXISTS vacation_notification MODIFY on_vacation varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Keys between them, last: here PostfixAdmin would wait longest.
SET SESSION foreign_key_checks = 1;
ALTER TABLE domain_admins ADD CONSTRAINT domain_admins_username FOREIGN KEY (username) REFERENCES admin (username);
ALTER TABLE alias_domain ADD CONSTRAINT alias_domain_name FOREIGN KEY (alias_domain) REFERENCES domain (domain),
  ADD CONSTRAINT alias_domain_target FOREIGN KEY (target_domain) REFERENCES domain (domain);
ALTER TABLE mailbox ADD CONSTRAINT mailbox_domain FOREIGN KEY (domain) REFERENCES domain (domain);
ALTER TABLE alias ADD CONSTRAINT alias_domain FOREIGN KEY (domain) REFERENCES domain (domain);
ALTER TABLE IF EXISTS dkim ADD CONSTRAINT dkim_domain FOREIGN KEY (domain_name) REFERENCES domain (domain) ON DELETE CASCADE;
ALTER TABLE IF EXISTS dkim_signing ADD CONSTRAINT dkim_signing_key FOREIGN KEY (dkim_id) REFERENCES dkim (id) ON DELETE CASCADE;
ALTER TABLE IF EXISTS vacation_notification ADD CONSTRAINT vacation_notification_pkey FOREIGN KEY (on_vacation)
  REFERENCES vacation (email) ON DELETE CASCADE;
