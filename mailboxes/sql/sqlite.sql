-- What the database keeps by itself, whoever writes: for SQLite. The reasons are in mariadb.sql.
--
-- Different here: a trigger may change its own table, but not a row before it is stored; it asks
-- for no more than a condition in each statement; keys written in capitals stay as they are, for no other
-- program writes here; only ASCII signs stand between words, and capitals with accents stay (the column of a words table is "value").
-- Two addresses in goto with nothing but a blank between them stay together: no Postfix asks.

-- domain -------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_domain_insert AFTER INSERT ON domain FOR EACH ROW BEGIN
  INSERT INTO domain_usage (domain) VALUES (NEW.domain);
  UPDATE alias_target SET target = target WHERE domain = NEW.domain;
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.domain, 'domain', substr(words.value, 1, 64), NEW.domain
    FROM @WORDS_OF(NEW.domain || ' ' || NEW.description)@ AS words
    WHERE words.value <> '' AND NEW.domain <> 'ALL';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
    FROM domain_admins link, @WORDS_OF(link.username)@ AS words
    WHERE words.value <> '' AND link.domain <> 'ALL' AND link.domain = NEW.domain;
END
//
CREATE TRIGGER mailadmin_domain_update AFTER UPDATE ON domain FOR EACH ROW BEGIN
  UPDATE domain_usage SET domain = NEW.domain WHERE domain = OLD.domain;
  UPDATE alias_target SET target = target WHERE domain IN (OLD.domain, NEW.domain) AND NEW.domain <> OLD.domain;
  DELETE FROM usage_day WHERE domain = NEW.domain AND NEW.domain <> OLD.domain;
  UPDATE usage_day SET domain = NEW.domain WHERE domain = OLD.domain AND NEW.domain <> OLD.domain;
  DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.domain, 'domain', substr(words.value, 1, 64), NEW.domain
    FROM @WORDS_OF(NEW.domain || ' ' || NEW.description)@ AS words
    WHERE words.value <> '' AND NEW.domain <> 'ALL';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.value <> '' AND link.domain <> 'ALL' AND link.domain = NEW.domain;
END
//
CREATE TRIGGER mailadmin_domain_delete AFTER DELETE ON domain FOR EACH ROW BEGIN
  DELETE FROM domain_usage WHERE domain = OLD.domain;
  DELETE FROM usage_day WHERE domain = OLD.domain;
  UPDATE alias_target SET target = target WHERE unmatched AND domain = OLD.domain;
  DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
END
//
CREATE TRIGGER mailadmin_domain_usage_update AFTER UPDATE ON domain_usage FOR EACH ROW BEGIN
  UPDATE domain_usage SET fullness = COALESCE((
    SELECT MAX(
      IIF(d.mailboxes > 0, NEW.mailboxes * 100 / d.mailboxes, 0),
      IIF(d.aliases > 0, (NEW.alias_rows - NEW.mailboxes) * 100 / d.aliases, 0),
      IIF(d.quota > 0, NEW.allotted / 1000000 * 100 / d.quota, 0)
    ) FROM domain d WHERE d.domain = NEW.domain
  ), 0) WHERE domain = NEW.domain;
END
//

-- Administrators -----------------------------------------------------------------------------

CREATE TRIGGER mailadmin_admin_insert AFTER INSERT ON admin FOR EACH ROW BEGIN
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'admin', substr(words.value, 1, 64), ''
    FROM @WORDS_OF(NEW.username)@ AS words WHERE words.value <> '';
END
//
CREATE TRIGGER mailadmin_admin_update AFTER UPDATE OF username ON admin FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.username AND kind = 'admin';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'admin', substr(words.value, 1, 64), ''
    FROM @WORDS_OF(NEW.username)@ AS words WHERE words.value <> '';
END
//
CREATE TRIGGER mailadmin_admin_delete AFTER DELETE ON admin FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.username AND kind = 'admin';
END
//
CREATE TRIGGER mailadmin_domain_admins_insert AFTER INSERT ON domain_admins FOR EACH ROW BEGIN
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.value <> '' AND link.domain <> 'ALL' AND link.id = NEW.id;
END
//
CREATE TRIGGER mailadmin_domain_admins_update AFTER UPDATE ON domain_admins FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key IN (OLD.domain, NEW.domain) AND kind = 'domain';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT d.domain, 'domain', substr(words.value, 1, 64), d.domain
    FROM domain d, @WORDS_OF(d.domain || ' ' || d.description)@ AS words
    WHERE words.value <> '' AND d.domain <> 'ALL' AND d.domain IN (OLD.domain, NEW.domain);
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.value <> '' AND link.domain <> 'ALL' AND link.domain IN (OLD.domain, NEW.domain);
END
//
CREATE TRIGGER mailadmin_domain_admins_delete AFTER DELETE ON domain_admins FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.domain AND kind = 'domain';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT d.domain, 'domain', substr(words.value, 1, 64), d.domain
    FROM domain d, @WORDS_OF(d.domain || ' ' || d.description)@ AS words
    WHERE words.value <> '' AND d.domain <> 'ALL' AND d.domain = OLD.domain;
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
    FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
    WHERE words.value <> '' AND link.domain <> 'ALL' AND link.domain = OLD.domain;
END
//

-- alias --------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_alias_insert AFTER INSERT ON alias FOR EACH ROW BEGIN
  UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain;
  UPDATE alias SET is_self_alias = TRUE WHERE address = NEW.address AND NOT is_self_alias
    AND EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.address);
  INSERT INTO alias_target (alias, owner, target, bare, domain)
    SELECT DISTINCT NEW.address, NEW.domain, item, '', ''
    FROM (
      SELECT substr(lower(trim(
        replace(replace(replace(parts.value, char(10), ' '), char(13), ' '), char(9), ' ')
      )), 1, 255) AS item
      FROM json_each('[' || replace(json_quote(
        replace(replace(replace(NEW.goto, char(10), ','), char(13), ','), ';', ',')
      ), ',', '","') || ']') AS parts
    ) AS items
    WHERE item <> '' AND NEW.goto <> NEW.address;
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT a.address, IIF(a.is_self_alias, 'forwarding', 'alias'), substr(words.value, 1, 64), a.domain
    FROM alias a, @WORDS_OF(IIF(a.is_self_alias, '', substr(a.address, 1, instr(a.address, '@')) || a.description) || ' ' || IIF(a.goto = a.address, '', a.goto))@ AS words
    WHERE words.value <> '' AND a.address = NEW.address;
  UPDATE alias_target SET target = target WHERE bare IN (
    NEW.address, substr(NEW.address, 1, instr(NEW.address, '@RECIPIENT_DELIMITER@') - 1) || substr(NEW.address, instr(NEW.address, '@'))
  );
END
//
CREATE TRIGGER mailadmin_alias_update AFTER UPDATE OF address, goto, domain ON alias FOR EACH ROW BEGIN
  UPDATE domain_usage SET alias_rows = alias_rows - 1 WHERE domain = OLD.domain;
  UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain;
  UPDATE alias SET is_self_alias = EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.address)
    WHERE address = NEW.address AND NEW.address <> OLD.address;
  DELETE FROM alias_target WHERE alias = OLD.address;
  INSERT INTO alias_target (alias, owner, target, bare, domain)
    SELECT DISTINCT NEW.address, NEW.domain, item, '', ''
    FROM (
      SELECT substr(lower(trim(
        replace(replace(replace(parts.value, char(10), ' '), char(13), ' '), char(9), ' ')
      )), 1, 255) AS item
      FROM json_each('[' || replace(json_quote(
        replace(replace(replace(NEW.goto, char(10), ','), char(13), ','), ';', ',')
      ), ',', '","') || ']') AS parts
    ) AS items
    WHERE item <> '' AND NEW.goto <> NEW.address;
  UPDATE alias_target SET target = target WHERE NEW.address <> OLD.address AND bare IN (
    OLD.address, substr(OLD.address, 1, instr(OLD.address, '@RECIPIENT_DELIMITER@') - 1) || substr(OLD.address, instr(OLD.address, '@')),
    NEW.address, substr(NEW.address, 1, instr(NEW.address, '@RECIPIENT_DELIMITER@') - 1) || substr(NEW.address, instr(NEW.address, '@'))
  );
END
//
CREATE TRIGGER mailadmin_alias_words AFTER UPDATE OF address, goto, domain, description, is_self_alias ON alias FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key IN (OLD.address, NEW.address) AND kind IN ('alias', 'forwarding');
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT a.address, IIF(a.is_self_alias, 'forwarding', 'alias'), substr(words.value, 1, 64), a.domain
    FROM alias a, @WORDS_OF(IIF(a.is_self_alias, '', substr(a.address, 1, instr(a.address, '@')) || a.description) || ' ' || IIF(a.goto = a.address, '', a.goto))@ AS words
    WHERE words.value <> '' AND a.address = NEW.address;
END
//
CREATE TRIGGER mailadmin_own_alias_held AFTER UPDATE OF active ON alias FOR EACH ROW WHEN NEW.active <> OLD.active BEGIN
  UPDATE own_alias SET held = NOT NEW.active WHERE address IN (OLD.address, NEW.address);
END
//
CREATE TRIGGER mailadmin_alias_rename AFTER UPDATE OF address ON alias FOR EACH ROW WHEN NEW.address <> OLD.address BEGIN
  DELETE FROM ending WHERE address = NEW.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (OLD.address, NEW.address));
  UPDATE ending SET address = NEW.address, domain = NEW.domain
    WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (OLD.address, NEW.address));
  DELETE FROM own_alias WHERE address = NEW.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (OLD.address, NEW.address));
  UPDATE own_alias SET address = NEW.address, domain = NEW.domain
    WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (OLD.address, NEW.address));
  DELETE FROM ending WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address);
  DELETE FROM own_alias WHERE address = OLD.address;
END
//
CREATE TRIGGER mailadmin_alias_delete AFTER DELETE ON alias FOR EACH ROW BEGIN
  UPDATE domain_usage SET alias_rows = alias_rows - 1 WHERE domain = OLD.domain;
  DELETE FROM alias_target WHERE alias = OLD.address;
  DELETE FROM own_alias WHERE address = OLD.address;
  DELETE FROM ending WHERE address = OLD.address AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address);
  DELETE FROM word WHERE row_key = OLD.address AND kind IN ('alias', 'forwarding');
  UPDATE alias_target SET target = target WHERE bare IN (
    OLD.address, substr(OLD.address, 1, instr(OLD.address, '@RECIPIENT_DELIMITER@') - 1) || substr(OLD.address, instr(OLD.address, '@'))
  );
END
//
CREATE TRIGGER mailadmin_alias_target_insert AFTER INSERT ON alias_target FOR EACH ROW BEGIN
  UPDATE alias_target SET
    bare = CASE
      WHEN target LIKE '%@RECIPIENT_DELIMITER@%@%' AND target NOT LIKE '@RECIPIENT_DELIMITER@%'
      THEN substr(target, 1, min(instr(target, '@'), instr(target, '@RECIPIENT_DELIMITER@')) - 1) || substr(target, instr(target, '@'))
      ELSE target
    END,
    domain = replace(replace(replace(replace(replace(replace(target, '<', ''), '>', ''), ':', ''), ';', ''), '"', ''), ' ', '')
    WHERE id = NEW.id;
  UPDATE alias_target SET domain = rtrim(substr(domain, instr(domain, '@') + 1), '.') WHERE id = NEW.id;
  UPDATE alias_target SET target = target WHERE id = NEW.id;
END
//
CREATE TRIGGER mailadmin_alias_target_update AFTER UPDATE OF target ON alias_target FOR EACH ROW BEGIN
  UPDATE alias_target SET unmatched = NEW.target NOT LIKE '@%'
    AND NEW.target NOT GLOB '*[^@PLAIN@]*' AND substr(NEW.target, -1) <> '.'
    AND EXISTS (SELECT 1 FROM domain WHERE domain = NEW.domain)
    AND NOT EXISTS (SELECT 1 FROM alias WHERE address IN (NEW.target, NEW.bare))
    AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username IN (NEW.target, NEW.bare))
    WHERE id = NEW.id;
END
//

-- mailbox ------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_mailbox_insert AFTER INSERT ON mailbox FOR EACH ROW BEGIN
  UPDATE domain_usage SET mailboxes = mailboxes + 1, allotted = allotted + MAX(NEW.quota, 0)
    WHERE domain = NEW.domain;
  UPDATE alias SET is_self_alias = TRUE WHERE address = NEW.username AND NOT is_self_alias;
  UPDATE alias_target SET target = target WHERE bare IN (
    NEW.username, substr(NEW.username, 1, instr(NEW.username, '@RECIPIENT_DELIMITER@') - 1) || substr(NEW.username, instr(NEW.username, '@'))
  );
  DELETE FROM full_mailbox WHERE username = NEW.username;
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT NEW.username, NEW.domain, q.bytes * 100 / NEW.quota FROM quota2 q
    WHERE q.username = NEW.username AND NEW.quota > 0 AND q.bytes * 100 >= NEW.quota * @NEARLY_FULL@;
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'mailbox', substr(words.value, 1, 64), NEW.domain
    FROM @WORDS_OF(substr(NEW.username, 1, instr(NEW.username, '@')) || NEW.name)@ AS words
    WHERE words.value <> '';
  UPDATE admin SET active = FALSE WHERE mailbox = NEW.username;
  DELETE FROM retired_maildir WHERE maildir = NEW.maildir;
END
//
CREATE TRIGGER mailadmin_mailbox_words AFTER UPDATE OF username, domain, name ON mailbox FOR EACH ROW BEGIN
  DELETE FROM word WHERE row_key = OLD.username AND kind = 'mailbox';
  INSERT OR IGNORE INTO word (row_key, kind, word, domain)
    SELECT NEW.username, 'mailbox', substr(words.value, 1, 64), NEW.domain
    FROM @WORDS_OF(substr(NEW.username, 1, instr(NEW.username, '@')) || NEW.name)@ AS words
    WHERE words.value <> '';
END
//
CREATE TRIGGER mailadmin_mailbox_rename AFTER UPDATE OF username ON mailbox FOR EACH ROW WHEN NEW.username <> OLD.username BEGIN
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
  UPDATE admin SET active = FALSE WHERE mailbox IN (OLD.username, NEW.username)
    AND EXISTS (SELECT 1 FROM admin WHERE mailbox = NEW.username);
  UPDATE admin SET mailbox = NEW.username WHERE mailbox = OLD.username
    AND NOT EXISTS (SELECT 1 FROM admin WHERE mailbox = NEW.username);
  DELETE FROM vacation WHERE email = NEW.username;
  INSERT INTO vacation (email, subject, body, cache, domain, created, active, modified, activefrom, activeuntil, interval_time)
    SELECT NEW.username, subject, body, cache, NEW.domain, created, active, modified, activefrom, activeuntil, interval_time FROM vacation WHERE email = OLD.username;
  DELETE FROM vacation WHERE email = OLD.username;
END
//
CREATE TRIGGER mailadmin_mailbox_update AFTER UPDATE OF username, domain, quota, maildir ON mailbox FOR EACH ROW BEGIN
  UPDATE domain_usage SET mailboxes = mailboxes - 1, allotted = allotted - MAX(OLD.quota, 0)
    WHERE domain = OLD.domain;
  UPDATE domain_usage SET mailboxes = mailboxes + 1, allotted = allotted + MAX(NEW.quota, 0)
    WHERE domain = NEW.domain;
  UPDATE alias SET is_self_alias = (address = NEW.username)
    WHERE address IN (OLD.username, NEW.username) AND NEW.username <> OLD.username;
  UPDATE alias_target SET target = target WHERE NEW.username <> OLD.username AND bare IN (
    OLD.username, substr(OLD.username, 1, instr(OLD.username, '@RECIPIENT_DELIMITER@') - 1) || substr(OLD.username, instr(OLD.username, '@')),
    NEW.username, substr(NEW.username, 1, instr(NEW.username, '@RECIPIENT_DELIMITER@') - 1) || substr(NEW.username, instr(NEW.username, '@'))
  );
  DELETE FROM full_mailbox WHERE username IN (OLD.username, NEW.username);
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT NEW.username, NEW.domain, q.bytes * 100 / NEW.quota FROM quota2 q
    WHERE q.username = NEW.username AND NEW.quota > 0 AND q.bytes * 100 >= NEW.quota * @NEARLY_FULL@;
  DELETE FROM retired_maildir WHERE maildir = NEW.maildir;
  INSERT OR IGNORE INTO retired_maildir (maildir, username)
    SELECT OLD.maildir, OLD.username
    WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE maildir = OLD.maildir);
END
//
CREATE TRIGGER mailadmin_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW BEGIN
  UPDATE domain_usage SET mailboxes = mailboxes - 1, allotted = allotted - MAX(OLD.quota, 0)
    WHERE domain = OLD.domain;
  UPDATE alias SET is_self_alias = FALSE WHERE address = OLD.username AND is_self_alias;
  UPDATE alias_target SET target = target WHERE bare IN (
    OLD.username, substr(OLD.username, 1, instr(OLD.username, '@RECIPIENT_DELIMITER@') - 1) || substr(OLD.username, instr(OLD.username, '@'))
  );
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
  UPDATE admin SET active = FALSE WHERE mailbox = OLD.username;
  INSERT OR IGNORE INTO retired_maildir (maildir, username)
    SELECT OLD.maildir, OLD.username
    WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE maildir = OLD.maildir);
END
//

-- quota2 -------------------------------------------------------------------------------------

CREATE TRIGGER mailadmin_quota2_insert AFTER INSERT ON quota2 FOR EACH ROW BEGIN
  DELETE FROM full_mailbox WHERE username = NEW.username;
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT m.username, m.domain, NEW.bytes * 100 / m.quota FROM mailbox m
    WHERE m.username = NEW.username AND m.quota > 0 AND NEW.bytes * 100 >= m.quota * @NEARLY_FULL@;
END
//
CREATE TRIGGER mailadmin_quota2_update AFTER UPDATE OF username, bytes ON quota2 FOR EACH ROW BEGIN
  DELETE FROM full_mailbox WHERE username IN (OLD.username, NEW.username);
  INSERT INTO full_mailbox (username, domain, percent)
    SELECT m.username, m.domain, NEW.bytes * 100 / m.quota FROM mailbox m
    WHERE m.username = NEW.username AND m.quota > 0 AND NEW.bytes * 100 >= m.quota * @NEARLY_FULL@;
END
//
CREATE TRIGGER mailadmin_quota2_delete AFTER DELETE ON quota2 FOR EACH ROW BEGIN
  DELETE FROM full_mailbox WHERE username = OLD.username;
END
//

-- All anew, from the tables themselves: manage.py recount ------------------------------------

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
    (SELECT COALESCE(SUM(MAX(m.quota, 0)), 0) FROM mailbox m WHERE m.domain = d.domain),
    COALESCE((SELECT u.bytes FROM usage_day u WHERE u.domain = d.domain ORDER BY u.day DESC LIMIT 1), 0)
  FROM domain d
//
UPDATE domain_usage SET fullness = 0
//
INSERT INTO alias_target (alias, owner, target, bare, domain)
  SELECT DISTINCT address, domain, item, '', ''
  FROM (
    SELECT a.address, a.domain, substr(lower(trim(
      replace(replace(replace(parts.value, char(10), ' '), char(13), ' '), char(9), ' ')
    )), 1, 255) AS item
    FROM alias a, json_each('[' || replace(json_quote(
      replace(replace(replace(a.goto, char(10), ','), char(13), ','), ';', ',')
    ), ',', '","') || ']') AS parts
    WHERE a.goto <> a.address
  ) AS items
  WHERE item <> ''
//
INSERT INTO full_mailbox (username, domain, percent)
  SELECT m.username, m.domain, q.bytes * 100 / m.quota
  FROM mailbox m JOIN quota2 q ON q.username = m.username
  WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * @NEARLY_FULL@
//
DELETE FROM retired_maildir
  WHERE EXISTS (SELECT 1 FROM mailbox m WHERE m.maildir = retired_maildir.maildir)
//

-- The words anew, many keys at a time.

DELETE FROM word WHERE row_key > %s AND row_key <= %s
//
INSERT OR IGNORE INTO word (row_key, kind, word, domain)
  SELECT m.username, 'mailbox', substr(words.value, 1, 64), m.domain
  FROM mailbox m, @WORDS_OF(substr(m.username, 1, instr(m.username, '@')) || m.name)@ AS words
  WHERE words.value <> '' AND m.username > %s AND m.username <= %s
//
INSERT OR IGNORE INTO word (row_key, kind, word, domain)
  SELECT a.address, IIF(a.is_self_alias, 'forwarding', 'alias'), substr(words.value, 1, 64), a.domain
  FROM alias a, @WORDS_OF(IIF(a.is_self_alias, '', substr(a.address, 1, instr(a.address, '@')) || a.description) || ' ' || IIF(a.goto = a.address, '', a.goto))@ AS words
  WHERE words.value <> '' AND a.address > %s AND a.address <= %s
//
INSERT OR IGNORE INTO word (row_key, kind, word, domain)
  SELECT d.domain, 'domain', substr(words.value, 1, 64), d.domain
  FROM domain d, @WORDS_OF(d.domain || ' ' || d.description)@ AS words
  WHERE words.value <> '' AND d.domain <> 'ALL' AND d.domain > %s AND d.domain <= %s
//
INSERT OR IGNORE INTO word (row_key, kind, word, domain)
  SELECT link.domain, 'domain', substr(words.value, 1, 64), link.domain
  FROM domain d JOIN domain_admins link ON link.domain = d.domain, @WORDS_OF(link.username)@ AS words
  WHERE words.value <> '' AND link.domain <> 'ALL' AND link.domain > %s AND link.domain <= %s
//
INSERT OR IGNORE INTO word (row_key, kind, word, domain)
  SELECT a.username, 'admin', substr(words.value, 1, 64), ''
  FROM admin a, @WORDS_OF(a.username)@ AS words WHERE words.value <> '' AND a.username > %s AND a.username <= %s
//
