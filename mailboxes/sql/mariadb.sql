-- What the database keeps by itself, whoever writes: for MariaDB 10.6 and MySQL 8.4, or later.
--
-- PostfixAdmin, scripts and Dovecot write the same tables without asking us. These triggers work
-- inside the writer's own transaction, so that no page ever counts or scans:
--   domain_usage     counters and fullness of each domain; what its mailboxes hold is from the last snapshot
--   alias_target     where aliases lead, and which targets have no alias or mailbox of their name
--   full_mailbox     mailboxes that use @NEARLY_FULL@ percent of their quota or more
--   retired_maildir  directories that may hold the mail of a mailbox that is gone
--   alias.is_self_alias the row is a mailbox's own
--   word             the words of names, addresses and descriptions, for the search
-- and what is known of days before (usage_day, mailbox_day) and of sign-ins (last_login, sign_in), and app passwords, go where their row goes.
--
-- `manage.py migrate` creates them, `manage.py recount` creates them again and computes the tables
-- anew: the statements at the end. mailboxes/triggers.py fills in the words between two @, leaves
-- the comments out and splits the text at the lines with //. For @WORDS_OF(text)@ it writes a JSON_TABLE with a
-- row, its column "word", for each run of letters and digits; empty ones are possible, and repetitions.
-- With a binary log only SUPER may create triggers, unless log_bin_trust_function_creators is on.

-- Keys in lower case -------------------------------------------------------------------------

-- Postfix and Dovecot ask in lower case, and the key columns are compared byte by byte. Where
-- PostfixAdmin's own columns would have taken Ann@example.org for ann@example.org, a row written
-- in capitals is stored in lower case: so it is found, and a second one is a duplicate key.
-- InnoDB checks unique and foreign keys after this. "ALL" is PostfixAdmin's word for all domains.

CREATE TRIGGER mailadmin_domain_insert_before BEFORE INSERT ON domain FOR EACH ROW BEGIN
  IF NEW.domain <> 'ALL' THEN SET NEW.domain = LOWER(NEW.domain); END IF;
END
//
CREATE TRIGGER mailadmin_domain_update_before BEFORE UPDATE ON domain FOR EACH ROW BEGIN
  IF NEW.domain <> 'ALL' THEN SET NEW.domain = LOWER(NEW.domain); END IF;
END
//
CREATE TRIGGER mailadmin_alias_domain_insert_before BEFORE INSERT ON alias_domain FOR EACH ROW BEGIN
  SET NEW.alias_domain = LOWER(NEW.alias_domain), NEW.target_domain = LOWER(NEW.target_domain);
END
//
CREATE TRIGGER mailadmin_alias_domain_update_before BEFORE UPDATE ON alias_domain FOR EACH ROW BEGIN
  SET NEW.alias_domain = LOWER(NEW.alias_domain), NEW.target_domain = LOWER(NEW.target_domain);
END
//
CREATE TRIGGER mailadmin_admin_insert_before BEFORE INSERT ON admin FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username);
END
//
CREATE TRIGGER mailadmin_admin_update_before BEFORE UPDATE ON admin FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username);
END
//
CREATE TRIGGER mailadmin_domain_admins_insert_before BEFORE INSERT ON domain_admins FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username);
  IF NEW.domain <> 'ALL' THEN SET NEW.domain = LOWER(NEW.domain); END IF;
END
//
CREATE TRIGGER mailadmin_domain_admins_update_before BEFORE UPDATE ON domain_admins FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username);
  IF NEW.domain <> 'ALL' THEN SET NEW.domain = LOWER(NEW.domain); END IF;
END
//
CREATE TRIGGER mailadmin_mailbox_insert_before BEFORE INSERT ON mailbox FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username), NEW.local_part = LOWER(NEW.local_part), NEW.domain = LOWER(NEW.domain);
END
//
CREATE TRIGGER mailadmin_mailbox_update_before BEFORE UPDATE ON mailbox FOR EACH ROW BEGIN
  SET NEW.username = LOWER(NEW.username), NEW.local_part = LOWER(NEW.local_part), NEW.domain = LOWER(NEW.domain);
END
//
-- Here is_self_alias, too: a trigger cannot change another row of its own table, or this one later.
CREATE TRIGGER mailadmin_alias_insert_before BEFORE INSERT ON alias FOR EACH ROW BEGIN
  SET NEW.address = LOWER(NEW.address), NEW.domain = LOWER(NEW.domain);
  -- A row that leads to itself goes on doing so.
  IF LOWER(NEW.goto) = NEW.address THEN SET NEW.goto = NEW.address; END IF;
  SET NEW.is_self_alias = NEW.is_self_alias OR EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.address);
END
//
CREATE TRIGGER mailadmin_alias_update_before BEFORE UPDATE ON alias FOR EACH ROW BEGIN
  SET NEW.address = LOWER(NEW.address), NEW.domain = LOWER(NEW.domain);
  IF LOWER(NEW.goto) = NEW.address THEN SET NEW.goto = NEW.address; END IF;
  IF NEW.address <> OLD.address THEN
    SET NEW.is_self_alias = EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.address);
  END IF;
END
//

-- domain -------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_domain_insert AFTER INSERT ON domain FOR EACH ROW BEGIN
  INSERT INTO domain_usage (domain) VALUES (NEW.domain);
  UPDATE alias_target SET target = target WHERE domain = NEW.domain;
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.domain, 'domain', LEFT(words.word, 64), NEW.domain
    FROM @WORDS_OF(CONCAT_WS(' ', NEW.domain, NEW.description))@ AS words
    WHERE words.word <> '' AND NEW.domain <> 'ALL'
    UNION
    SELECT NEW.domain, 'domain', LEFT(words.word, 64), NEW.domain
    FROM domain_admins link, @WORDS_OF(link.username)@ AS words
    WHERE words.word <> '' AND link.domain = NEW.domain AND NEW.domain <> 'ALL';
END
//
CREATE TRIGGER mailadmin_domain_update AFTER UPDATE ON domain FOR EACH ROW BEGIN
  -- Its own trigger computes the fullness, the limits may have changed.
  UPDATE domain_usage SET domain = NEW.domain WHERE domain = OLD.domain;
  IF NEW.domain <> OLD.domain THEN
    UPDATE alias_target SET target = target WHERE domain IN (OLD.domain, NEW.domain);
    DELETE FROM usage_day WHERE domain = NEW.domain;
    UPDATE usage_day SET domain = NEW.domain WHERE domain = OLD.domain;
  END IF;
  IF NEW.domain <> OLD.domain OR NEW.description <> OLD.description THEN
    DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
    INSERT IGNORE INTO word (row_key, kind, word, domain)
      SELECT NEW.domain, 'domain', LEFT(words.word, 64), NEW.domain
      FROM @WORDS_OF(CONCAT_WS(' ', NEW.domain, NEW.description))@ AS words
      WHERE words.word <> '' AND NEW.domain <> 'ALL'
      UNION
      SELECT NEW.domain, 'domain', LEFT(words.word, 64), NEW.domain
      FROM domain_admins link, @WORDS_OF(link.username)@ AS words
      WHERE words.word <> '' AND link.domain = NEW.domain AND NEW.domain <> 'ALL';
  END IF;
END
//
CREATE TRIGGER mailadmin_domain_delete AFTER DELETE ON domain FOR EACH ROW BEGIN
  DELETE FROM domain_usage WHERE domain = OLD.domain;
  DELETE FROM usage_day WHERE domain = OLD.domain;
  UPDATE alias_target SET target = target WHERE unmatched AND domain = OLD.domain;
  DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
END
//
-- The percentage of the tightest limit. Megabytes as 1,000,000 bytes: at most 5 % too high with any
-- QUOTA_MULTIPLIER, never too low.
CREATE TRIGGER mailadmin_domain_usage_update BEFORE UPDATE ON domain_usage FOR EACH ROW BEGIN
  SET NEW.fullness = COALESCE((
    SELECT GREATEST(
      IF(d.mailboxes > 0, NEW.mailboxes * 100 DIV d.mailboxes, 0),
      IF(d.aliases > 0, (NEW.alias_rows - NEW.mailboxes) * 100 DIV d.aliases, 0),
      IF(d.quota > 0, NEW.allotted DIV 1000000 * 100 DIV d.quota, 0)
    ) FROM domain d WHERE d.domain = NEW.domain
  ), 0);
END
//

-- Administrators: a domain is found by them, too ----------------------------------------------

CREATE TRIGGER mailadmin_admin_insert AFTER INSERT ON admin FOR EACH ROW BEGIN
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'admin', LEFT(words.word, 64), ''
    FROM @WORDS_OF(NEW.username)@ AS words WHERE words.word <> '';
END
//
CREATE TRIGGER mailadmin_admin_update AFTER UPDATE ON admin FOR EACH ROW BEGIN
  IF NEW.username <> OLD.username THEN
    DELETE FROM word WHERE row_key = OLD.username AND kind = 'admin';
    INSERT IGNORE INTO word (row_key, kind, word, domain)
      SELECT NEW.username, 'admin', LEFT(words.word, 64), ''
      FROM @WORDS_OF(NEW.username)@ AS words WHERE words.word <> '';
  END IF;
END
//
CREATE TRIGGER mailadmin_admin_delete AFTER DELETE ON admin FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.username AND kind = 'admin';
END
//
CREATE TRIGGER mailadmin_domain_admins_insert AFTER INSERT ON domain_admins FOR EACH ROW BEGIN
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.domain, 'domain', LEFT(words.word, 64), NEW.domain
    FROM domain d, @WORDS_OF(NEW.username)@ AS words
    WHERE words.word <> '' AND d.domain = NEW.domain AND d.domain <> 'ALL';
END
//
CREATE TRIGGER mailadmin_domain_admins_update AFTER UPDATE ON domain_admins FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key IN (OLD.domain, NEW.domain) AND kind = 'domain';
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
    FROM domain d, @WORDS_OF(CONCAT_WS(' ', d.domain, d.description))@ AS words
    WHERE words.word <> '' AND d.domain IN (OLD.domain, NEW.domain) AND d.domain <> 'ALL'
    UNION
    SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.word <> '' AND d.domain IN (OLD.domain, NEW.domain) AND d.domain <> 'ALL';
END
//
CREATE TRIGGER mailadmin_domain_admins_delete AFTER DELETE ON domain_admins FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
    FROM domain d, @WORDS_OF(CONCAT_WS(' ', d.domain, d.description))@ AS words
    WHERE words.word <> '' AND d.domain IN (OLD.domain) AND d.domain <> 'ALL'
    UNION
    SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.word <> '' AND d.domain IN (OLD.domain) AND d.domain <> 'ALL';
END
//

-- alias --------------------------------------------------------------------------------------

-- Targets are looked at again (SET target = target) where the address, or the address without its
-- extension, is what they lead to without theirs. If the address has no extension, the second
-- value names nothing.
CREATE TRIGGER mailadmin_alias_insert AFTER INSERT ON alias FOR EACH ROW BEGIN
  UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain;
  -- The targets are split as Postfix does (domains/addresses.py), through an array in JSON. The
  -- database's own collation would let DISTINCT take ü@example.org for u@example.org. An alias that
  -- leads to itself alone has no targets here.
  INSERT INTO alias_target (alias, owner, target, bare, domain)
    SELECT DISTINCT NEW.address, NEW.domain, item, '', ''
    FROM (
      SELECT LEFT(LOWER(TRIM(
        REPLACE(REPLACE(REPLACE(parts.part, CHAR(10 USING utf8mb4), ' '), CHAR(13 USING utf8mb4), ' '), CHAR(9 USING utf8mb4), ' ')
      )), 255) AS item
      FROM JSON_TABLE(
        CONCAT('[', REPLACE(JSON_QUOTE(
          REGEXP_REPLACE(REPLACE(NEW.goto, '><', '> <'), '@BETWEEN_TARGETS@', ',')
        ), ',', '","'), ']'),
        '$[*]' COLUMNS (part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')
      ) AS parts
    ) AS items
    WHERE item <> '' AND NEW.goto <> NEW.address;
  -- A self-alias is found by where it forwards to; its name is the mailbox's.
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.address, IF(NEW.is_self_alias, 'forwarding', 'alias'), LEFT(words.word, 64), NEW.domain
    FROM @WORDS_OF(CONCAT_WS(' ', IF(NEW.is_self_alias, '', CONCAT_WS(' ', SUBSTRING_INDEX(NEW.address, '@', 1), NEW.description)), IF(NEW.goto = NEW.address, '', NEW.goto)))@ AS words
    WHERE words.word <> '';
  UPDATE alias_target SET target = target
    WHERE bare IN (NEW.address, CONCAT(SUBSTRING_INDEX(NEW.address, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(NEW.address, '@', -1)));
END
//
CREATE TRIGGER mailadmin_alias_update AFTER UPDATE ON alias FOR EACH ROW BEGIN
  IF NEW.domain <> OLD.domain THEN
    UPDATE domain_usage SET alias_rows = alias_rows - 1 WHERE domain = OLD.domain;
    UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain;
  END IF;
  IF NEW.goto <> OLD.goto OR NEW.address <> OLD.address OR NEW.domain <> OLD.domain THEN
    DELETE FROM alias_target WHERE alias = OLD.address;
    INSERT INTO alias_target (alias, owner, target, bare, domain)
      SELECT DISTINCT NEW.address, NEW.domain, item, '', ''
      FROM (
        SELECT LEFT(LOWER(TRIM(
          REPLACE(REPLACE(REPLACE(parts.part, CHAR(10 USING utf8mb4), ' '), CHAR(13 USING utf8mb4), ' '), CHAR(9 USING utf8mb4), ' ')
        )), 255) AS item
        FROM JSON_TABLE(
          CONCAT('[', REPLACE(JSON_QUOTE(
            REGEXP_REPLACE(REPLACE(NEW.goto, '><', '> <'), '@BETWEEN_TARGETS@', ',')
          ), ',', '","'), ']'),
          '$[*]' COLUMNS (part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')
        ) AS parts
      ) AS items
      WHERE item <> '' AND NEW.goto <> NEW.address;
  END IF;
  IF NEW.goto <> OLD.goto OR NEW.address <> OLD.address OR NEW.domain <> OLD.domain
    OR NEW.description <> OLD.description OR NEW.is_self_alias <> OLD.is_self_alias THEN
    DELETE FROM word WHERE row_key = OLD.address AND kind IN ('alias', 'forwarding');
    INSERT IGNORE INTO word (row_key, kind, word, domain)
      SELECT NEW.address, IF(NEW.is_self_alias, 'forwarding', 'alias'), LEFT(words.word, 64), NEW.domain
      FROM @WORDS_OF(CONCAT_WS(' ', IF(NEW.is_self_alias, '', CONCAT_WS(' ', SUBSTRING_INDEX(NEW.address, '@', 1), NEW.description)), IF(NEW.goto = NEW.address, '', NEW.goto)))@ AS words
      WHERE words.word <> '';
  END IF;
  IF NEW.address <> OLD.address THEN
    UPDATE alias_target SET target = target WHERE bare IN (
      OLD.address, CONCAT(SUBSTRING_INDEX(OLD.address, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(OLD.address, '@', -1)),
      NEW.address, CONCAT(SUBSTRING_INDEX(NEW.address, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(NEW.address, '@', -1))
    );
  END IF;
END
//
-- Whoever switches it; where that is its user, or its last day, the panel takes the mark back.
CREATE TRIGGER mailadmin_own_alias_held AFTER UPDATE ON alias FOR EACH ROW BEGIN
  IF NEW.active <> OLD.active THEN
    UPDATE own_alias SET held = NOT NEW.active WHERE address IN (OLD.address, NEW.address);
  END IF;
END
//
-- Last day and user go along with an alias; what belongs to a mailbox goes along with that (mailadmin_mailbox_update).
CREATE TRIGGER mailadmin_alias_rename AFTER UPDATE ON alias FOR EACH ROW BEGIN
  IF NEW.address <> OLD.address THEN
    IF NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (OLD.address, NEW.address)) THEN
      DELETE FROM ending WHERE address = NEW.address;
      UPDATE ending SET address = NEW.address, domain = NEW.domain WHERE address = OLD.address;
      DELETE FROM own_alias WHERE address = NEW.address;
      UPDATE own_alias SET address = NEW.address, domain = NEW.domain WHERE address = OLD.address;
    END IF;
    DELETE FROM ending WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address);
    DELETE FROM own_alias WHERE address = OLD.address;
  END IF;
END
//
CREATE TRIGGER mailadmin_alias_delete AFTER DELETE ON alias FOR EACH ROW BEGIN
  UPDATE domain_usage SET alias_rows = alias_rows - 1 WHERE domain = OLD.domain;
  DELETE FROM alias_target WHERE alias = OLD.address;
  DELETE FROM own_alias WHERE address = OLD.address;
  DELETE FROM ending WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address);
  DELETE FROM word WHERE row_key = OLD.address AND kind IN ('alias', 'forwarding');
  UPDATE alias_target SET target = target
    WHERE bare IN (OLD.address, CONCAT(SUBSTRING_INDEX(OLD.address, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(OLD.address, '@', -1)));
END
//

-- One rule, asked for by SET target = target. unmatched: the target's domain is one of ours, and
-- neither an alias nor a mailbox has its name, with or without its extension. What the domain does with such names
-- (catch-all, alias domain, backup MX, a transport) is no business of this row: pages join it, so
-- that a catch-all comes and goes without a write to 100,000 targets. Nobody is told that an
-- address is gone which is not written the usual way.
-- Rows that come with their `bare` are the rebuild's, which has asked for all together.
CREATE TRIGGER mailadmin_alias_target_insert BEFORE INSERT ON alias_target FOR EACH ROW BEGIN
  IF NEW.bare = '' THEN
    -- Without the extension; what begins with the delimiter has none.
    SET NEW.bare = IF(
      NEW.target LIKE '%@RECIPIENT_DELIMITER@%@%' AND NEW.target NOT LIKE '@RECIPIENT_DELIMITER@%',
      CONCAT(SUBSTRING_INDEX(SUBSTRING_INDEX(NEW.target, '@', 1), '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(NEW.target, '@', -1)),
      NEW.target
    );
    -- The domain that Postfix reads in "Ann <ann@example.org.> (at home)", ann%example.org@here and
    -- example.org!ann.
    SET NEW.domain = SUBSTRING_INDEX(REGEXP_REPLACE(NEW.target, '[.]*([<>:;"[:space:]]|[(][^)]*[)]?)|[.]$', ''), '@', -1);
    SET NEW.domain = SUBSTRING_INDEX(SUBSTRING_INDEX(NEW.domain, '%', -1), '!', 1);
    SET NEW.unmatched = NEW.target NOT LIKE '@%'
      AND NEW.target NOT REGEXP '[^@PLAIN@]' AND RIGHT(NEW.target, 1) <> '.'
      AND EXISTS (SELECT 1 FROM domain WHERE domain = NEW.domain)
      AND NOT EXISTS (SELECT 1 FROM alias WHERE address = NEW.target)
      AND NOT EXISTS (SELECT 1 FROM alias WHERE address = NEW.bare)
      AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.target)
      AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.bare);
  END IF;
END
//
CREATE TRIGGER mailadmin_alias_target_update BEFORE UPDATE ON alias_target FOR EACH ROW BEGIN
  SET NEW.unmatched = NEW.target NOT LIKE '@%'
    AND NEW.target NOT REGEXP '[^@PLAIN@]' AND RIGHT(NEW.target, 1) <> '.'
    AND EXISTS (SELECT 1 FROM domain WHERE domain = NEW.domain)
    AND NOT EXISTS (SELECT 1 FROM alias WHERE address = NEW.target)
    AND NOT EXISTS (SELECT 1 FROM alias WHERE address = NEW.bare)
    AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.target)
    AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.bare);
END
//

-- mailbox ------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_mailbox_insert AFTER INSERT ON mailbox FOR EACH ROW BEGIN
  UPDATE domain_usage SET mailboxes = mailboxes + 1, allotted = allotted + GREATEST(NEW.quota, 0)
    WHERE domain = NEW.domain;
  UPDATE alias SET is_self_alias = TRUE WHERE address = NEW.username AND NOT is_self_alias;
  UPDATE alias_target SET target = target
    WHERE bare IN (NEW.username, CONCAT(SUBSTRING_INDEX(NEW.username, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(NEW.username, '@', -1)));
  DELETE FROM full_mailbox WHERE username = NEW.username;
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT NEW.username, NEW.domain, q.bytes * 100 DIV NEW.quota FROM quota2 q
    WHERE q.username = NEW.username AND NEW.quota > 0 AND q.bytes * 100 >= NEW.quota * @NEARLY_FULL@;
  INSERT IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'mailbox', LEFT(words.word, 64), NEW.domain
    FROM @WORDS_OF(CONCAT_WS(' ', SUBSTRING_INDEX(NEW.username, '@', 1), NEW.name))@ AS words
    WHERE words.word <> '';
  -- Of a deleted mailbox of that name: whoever has the new one was given nothing.
  UPDATE admin SET active = FALSE WHERE mailbox = NEW.username;
  -- Created again in its old place by another program: somebody's mail lies there again.
  DELETE FROM retired_maildir WHERE maildir = NEW.maildir;
END
//
-- People rename and move mailboxes by SQL: all that is kept goes along.
CREATE TRIGGER mailadmin_mailbox_update AFTER UPDATE ON mailbox FOR EACH ROW BEGIN
  IF NEW.domain <> OLD.domain OR NEW.quota <> OLD.quota THEN
    UPDATE domain_usage SET mailboxes = mailboxes - 1, allotted = allotted - GREATEST(OLD.quota, 0)
      WHERE domain = OLD.domain;
    UPDATE domain_usage SET mailboxes = mailboxes + 1, allotted = allotted + GREATEST(NEW.quota, 0)
      WHERE domain = NEW.domain;
  END IF;
  IF NEW.username <> OLD.username THEN
    UPDATE alias SET is_self_alias = FALSE WHERE address = OLD.username AND is_self_alias;
    UPDATE alias SET is_self_alias = TRUE WHERE address = NEW.username AND NOT is_self_alias;
    UPDATE alias_target SET target = target WHERE bare IN (
      OLD.username, CONCAT(SUBSTRING_INDEX(OLD.username, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(OLD.username, '@', -1)),
      NEW.username, CONCAT(SUBSTRING_INDEX(NEW.username, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(NEW.username, '@', -1))
    );
    DELETE FROM mailbox_day WHERE username = NEW.username;
    UPDATE mailbox_day SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM last_login WHERE username = NEW.username;
    UPDATE last_login SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM mailbox_app_password WHERE username = NEW.username;
    UPDATE mailbox_app_password SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM fetchmail WHERE mailbox = NEW.username;
    UPDATE fetchmail SET mailbox = NEW.username, domain = NEW.domain WHERE mailbox = OLD.username;
    DELETE FROM sign_in WHERE username = NEW.username;
    UPDATE sign_in SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM idle_mailbox WHERE username IN (OLD.username, NEW.username);
    DELETE FROM ending WHERE address = NEW.username;
    UPDATE ending SET address = NEW.username, domain = NEW.domain WHERE address = OLD.username;
    UPDATE own_alias SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM own_alias_limit WHERE name = NEW.username;
    UPDATE own_alias_limit SET name = NEW.username, domain = NEW.domain WHERE name = OLD.username;
    -- Who signs in with it. An administrator of a mailbox of the new name that is gone keeps that: then nobody manages anything.
    IF EXISTS (SELECT 1 FROM admin WHERE mailbox = NEW.username) THEN
      UPDATE admin SET active = FALSE WHERE mailbox IN (OLD.username, NEW.username);
    ELSE
      UPDATE admin SET mailbox = NEW.username WHERE mailbox = OLD.username;
    END IF;
    -- No UPDATE: PostfixAdmin's vacation_notification refers to the row.
    DELETE FROM vacation WHERE email = NEW.username;
    INSERT INTO vacation (email, subject, body, cache, domain, created, active, modified, activefrom, activeuntil, interval_time)
      SELECT NEW.username, subject, body, cache, NEW.domain, created, active, modified, activefrom, activeuntil, interval_time FROM vacation WHERE email = OLD.username;
    DELETE FROM vacation WHERE email = OLD.username;
  END IF;
  IF NEW.username <> OLD.username OR NEW.domain <> OLD.domain OR NEW.quota <> OLD.quota THEN
    DELETE FROM full_mailbox WHERE username IN (OLD.username, NEW.username);
    INSERT INTO full_mailbox (username, domain, percent)
      SELECT NEW.username, NEW.domain, q.bytes * 100 DIV NEW.quota FROM quota2 q
      WHERE q.username = NEW.username AND NEW.quota > 0 AND q.bytes * 100 >= NEW.quota * @NEARLY_FULL@;
  END IF;
  IF NEW.username <> OLD.username OR NEW.domain <> OLD.domain OR NEW.name <> OLD.name THEN
    DELETE FROM word WHERE row_key = OLD.username AND kind = 'mailbox';
    INSERT IGNORE INTO word (row_key, kind, word, domain)
      SELECT NEW.username, 'mailbox', LEFT(words.word, 64), NEW.domain
      FROM @WORDS_OF(CONCAT_WS(' ', SUBSTRING_INDEX(NEW.username, '@', 1), NEW.name))@ AS words
      WHERE words.word <> '';
  END IF;
  IF NEW.maildir <> OLD.maildir THEN
    DELETE FROM retired_maildir WHERE maildir = NEW.maildir;
    INSERT IGNORE INTO retired_maildir (maildir, username)
      SELECT OLD.maildir, OLD.username FROM DUAL
      WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE maildir = OLD.maildir);
  END IF;
END
//
CREATE TRIGGER mailadmin_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW BEGIN
  UPDATE domain_usage SET mailboxes = mailboxes - 1, allotted = allotted - GREATEST(OLD.quota, 0)
    WHERE domain = OLD.domain;
  UPDATE alias SET is_self_alias = FALSE WHERE address = OLD.username AND is_self_alias;
  UPDATE alias_target SET target = target
    WHERE bare IN (OLD.username, CONCAT(SUBSTRING_INDEX(OLD.username, '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(OLD.username, '@', -1)));
  DELETE FROM full_mailbox WHERE username = OLD.username;
  DELETE FROM mailbox_day WHERE username = OLD.username;
  DELETE FROM last_login WHERE username = OLD.username;
  DELETE FROM mailbox_app_password WHERE username = OLD.username;
  DELETE FROM fetchmail WHERE mailbox = OLD.username;
  DELETE FROM sign_in WHERE username = OLD.username;
  DELETE FROM idle_mailbox WHERE username = OLD.username;
  DELETE FROM vacation WHERE email = OLD.username;
  DELETE FROM ending WHERE address = OLD.username;
  DELETE FROM own_alias WHERE username = OLD.username;
  DELETE FROM own_alias_limit WHERE name = OLD.username;
  DELETE FROM word WHERE row_key = OLD.username AND kind = 'mailbox';
  -- It stays the administrator's, so the next mailbox of that name lets nobody in.
  UPDATE admin SET active = FALSE WHERE mailbox = OLD.username;
  -- Whoever deletes it: a new mailbox of that name must not show the old mail.
  INSERT IGNORE INTO retired_maildir (maildir, username)
    SELECT OLD.maildir, OLD.username FROM DUAL
    WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE maildir = OLD.maildir);
END
//

-- quota2: Dovecot writes it with every delivery ----------------------------------------------

CREATE TRIGGER mailadmin_quota2_insert AFTER INSERT ON quota2 FOR EACH ROW BEGIN
  DELETE FROM full_mailbox WHERE username = NEW.username;
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT m.username, m.domain, NEW.bytes * 100 DIV m.quota FROM mailbox m
    WHERE m.username = NEW.username AND m.quota > 0 AND NEW.bytes * 100 >= m.quota * @NEARLY_FULL@;
END
//
CREATE TRIGGER mailadmin_quota2_update AFTER UPDATE ON quota2 FOR EACH ROW BEGIN
  IF NEW.bytes <> OLD.bytes OR NEW.username <> OLD.username THEN
    DELETE FROM full_mailbox WHERE username IN (OLD.username, NEW.username);
    INSERT INTO full_mailbox (username, domain, percent)
      SELECT m.username, m.domain, NEW.bytes * 100 DIV m.quota FROM mailbox m
      WHERE m.username = NEW.username AND m.quota > 0 AND NEW.bytes * 100 >= m.quota * @NEARLY_FULL@;
  END IF;
END
//
CREATE TRIGGER mailadmin_quota2_delete AFTER DELETE ON quota2 FOR EACH ROW BEGIN
  DELETE FROM full_mailbox WHERE username = OLD.username;
END
//

-- All anew, from the tables themselves: manage.py recount ------------------------------------
-- A million mailboxes take about half a minute. Locks nothing that look-ups need.

DELETE FROM alias_target
//
DELETE FROM full_mailbox
//
DELETE FROM domain_usage
//
UPDATE alias SET is_self_alias = NOT is_self_alias
  WHERE is_self_alias <> EXISTS (SELECT 1 FROM mailbox m WHERE m.username = alias.address)
//
INSERT INTO domain_usage (domain, mailboxes, alias_rows, allotted, used)
  SELECT d.domain,
    (SELECT COUNT(*) FROM mailbox m WHERE m.domain = d.domain),
    (SELECT COUNT(*) FROM alias a WHERE a.domain = d.domain),
    (SELECT COALESCE(SUM(GREATEST(m.quota, 0)), 0) FROM mailbox m WHERE m.domain = d.domain),
    COALESCE((SELECT u.bytes FROM usage_day u WHERE u.domain = d.domain ORDER BY u.day DESC LIMIT 1), 0)
  FROM domain d
//
UPDATE domain_usage SET fullness = 0
//
-- As the trigger does it, but in one statement, and asking only as far as nothing is found. Most aliases have
-- one target, written plainly: there is nothing to split.
INSERT INTO alias_target (alias, owner, target, bare, domain, unmatched)
  SELECT t.alias, t.owner, t.target, t.bare, t.domain,
    t.target NOT LIKE '@%' AND t.target NOT REGEXP '[^@PLAIN@]' AND RIGHT(t.target, 1) <> '.'
      AND d.domain IS NOT NULL
      AND COALESCE(a1.address, a2.address, m1.username, m2.username) IS NULL
  FROM (
    SELECT alias, owner, target,
      IF(
        target LIKE '%@RECIPIENT_DELIMITER@%@%' AND target NOT LIKE '@RECIPIENT_DELIMITER@%',
        CONCAT(SUBSTRING_INDEX(SUBSTRING_INDEX(target, '@', 1), '@RECIPIENT_DELIMITER@', 1), '@', SUBSTRING_INDEX(target, '@', -1)),
        target
      ) AS bare,
      SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING_INDEX(
        REGEXP_REPLACE(target, '[.]*([<>:;"[:space:]]|[(][^)]*[)]?)|[.]$', ''), '@', -1), '%', -1), '!', 1) AS domain
    FROM (
      SELECT address AS alias, domain AS owner, LEFT(goto, 255) AS target
      FROM alias
      WHERE goto <> address AND goto <> '' AND goto NOT REGEXP '[^@PLAIN@]'
      UNION ALL
      SELECT DISTINCT address, domain, item
      FROM (
        SELECT a.address, a.domain, LEFT(LOWER(TRIM(
          REPLACE(REPLACE(REPLACE(parts.part, CHAR(10 USING utf8mb4), ' '), CHAR(13 USING utf8mb4), ' '), CHAR(9 USING utf8mb4), ' ')
        )), 255) AS item
        FROM alias a, JSON_TABLE(
          CONCAT('[', REPLACE(JSON_QUOTE(
            REGEXP_REPLACE(REPLACE(a.goto, '><', '> <'), '@BETWEEN_TARGETS@', ',')
          ), ',', '","'), ']'),
          '$[*]' COLUMNS (part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')
        ) AS parts
        WHERE a.goto <> a.address AND a.goto REGEXP '[^@PLAIN@]'
      ) AS items
      WHERE item <> ''
    ) AS split
  ) AS t
  LEFT JOIN domain d ON d.domain = t.domain
  LEFT JOIN alias a1 ON d.domain IS NOT NULL AND a1.address = t.target
  LEFT JOIN alias a2 ON d.domain IS NOT NULL AND a1.address IS NULL AND a2.address = t.bare
  LEFT JOIN mailbox m1 ON d.domain IS NOT NULL AND COALESCE(a1.address, a2.address) IS NULL
    AND m1.username = t.target
  LEFT JOIN mailbox m2 ON d.domain IS NOT NULL AND COALESCE(a1.address, a2.address, m1.username) IS NULL
    AND m2.username = t.bare
//
INSERT INTO full_mailbox (username, domain, percent)
  SELECT m.username, m.domain, q.bytes * 100 DIV m.quota
  FROM mailbox m JOIN quota2 q ON q.username = m.username
  WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * @NEARLY_FULL@
//
DELETE FROM retired_maildir
  WHERE EXISTS (SELECT 1 FROM mailbox m WHERE m.maildir = retired_maildir.maildir)
//

-- The words anew, many keys at a time, each in a transaction of its own: four rows for each mailbox or alias are too
-- many for one, in a cluster above all. The first key is left out, the last is not; "after" the last of all comes
-- U+10FFFF. The rows are locked, or one that somebody deletes meanwhile would leave its words behind. (In MariaDB's words, and
-- in MySQL's, which would lock the table of words too, and cannot.)

DELETE FROM word WHERE row_key > %s AND row_key <= %s
//
INSERT IGNORE INTO word (row_key, kind, word, domain)
  SELECT m.username, 'mailbox', LEFT(words.word, 64), m.domain
  FROM mailbox m, @WORDS_OF(CONCAT_WS(' ', SUBSTRING_INDEX(m.username, '@', 1), m.name))@ AS words
  WHERE words.word <> ''
    AND m.username > %s AND m.username <= %s
  /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF m */
//
INSERT IGNORE INTO word (row_key, kind, word, domain)
  SELECT a.address, IF(a.is_self_alias, 'forwarding', 'alias'), LEFT(words.word, 64), a.domain
  FROM alias a, @WORDS_OF(CONCAT_WS(' ', IF(a.is_self_alias, '', CONCAT_WS(' ', SUBSTRING_INDEX(a.address, '@', 1), a.description)), IF(a.goto = a.address, '', a.goto)))@ AS words
  WHERE words.word <> ''
    AND NOT (a.is_self_alias AND a.goto = a.address)
    AND a.address > %s AND a.address <= %s
  /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF a */
//
INSERT IGNORE INTO word (row_key, kind, word, domain)
  SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
  FROM domain d, @WORDS_OF(CONCAT_WS(' ', d.domain, d.description))@ AS words
  WHERE words.word <> '' AND d.domain <> 'ALL' AND d.domain > %s AND d.domain <= %s
  /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF d */
//
INSERT IGNORE INTO word (row_key, kind, word, domain)
  SELECT d.domain, 'domain', LEFT(words.word, 64), d.domain
  FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
  WHERE words.word <> '' AND d.domain <> 'ALL' AND d.domain > %s AND d.domain <= %s
  /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF d, link */
//
INSERT IGNORE INTO word (row_key, kind, word, domain)
  SELECT a.username, 'admin', LEFT(words.word, 64), ''
  FROM admin a, @WORDS_OF(a.username)@ AS words
  WHERE words.word <> '' AND a.username > %s AND a.username <= %s
  /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF a */
//
