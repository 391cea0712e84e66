-- What ends with an address or a domain, whoever deletes it, and goes along with one that is renamed: for MariaDB 10.6 and
-- MySQL 8.4, or later. Read together with mariadb.sql; routes_sqlite.sql is the same for SQLite.
--
-- Copies of mail (BCC), rights to send as somebody, relay hosts, rules about senders, limits of own addresses and a domain's texts of mails belong to a name. Without these triggers a deletion by PostfixAdmin
-- would leave them behind, and the mail of whoever has that name next would be copied to somebody, or leave through a server
-- of somebody. The panel's own services delete the same rows themselves, with an entry in the log each.

-- Copies, and who may send as an address -----------------------------------------------------

-- Copies of mail to or from an address end when neither a mailbox nor an alias has its name any more: PostfixAdmin deletes the alias first,
-- then the mailbox. So do those of its names in alias domains, but where the name is one of its own. Copies that go to an address end
-- with its mailbox. A catch-all has the name of the whole domain, whose copies stay.

CREATE TRIGGER mailadmin_copies_alias_delete AFTER DELETE ON alias FOR EACH ROW BEGIN
  IF OLD.address NOT LIKE '@%' AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address) THEN
    DELETE FROM send_as WHERE sender = OLD.address;
    DELETE FROM mail_copy WHERE address = OLD.address;
    DELETE c FROM alias_domain l
      JOIN mail_copy c ON c.address = CONCAT(SUBSTRING_INDEX(OLD.address, '@', 1), '@', l.alias_domain)
      WHERE l.target_domain = OLD.domain
      AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = c.address)
      AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = c.address);
  END IF;
END
//
CREATE TRIGGER mailadmin_copies_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW BEGIN
  DELETE FROM send_as WHERE username = OLD.username;
  DELETE FROM quota_warning WHERE username = OLD.username;
  DELETE FROM mailbox_share_index WHERE owner = OLD.username;
  DELETE FROM mailbox_share WHERE owner = OLD.username;
  DELETE FROM mailbox_share WHERE person = OLD.username;
  DELETE FROM mail_copy WHERE goto_domain = SUBSTRING_INDEX(OLD.username, '@', -1) AND goto = OLD.username;
  IF NOT EXISTS (SELECT 1 FROM alias WHERE address = OLD.username) THEN
    DELETE FROM send_as WHERE sender = OLD.username;
    DELETE FROM mail_copy WHERE address = OLD.username;
    DELETE c FROM alias_domain l
      JOIN mail_copy c ON c.address = CONCAT(SUBSTRING_INDEX(OLD.username, '@', 1), '@', l.alias_domain)
      WHERE l.target_domain = OLD.domain
      AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = c.address)
      AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = c.address);
  END IF;
END
//
-- Renamed by SQL: the copies go along, but of names in alias domains, which nobody has then.
CREATE TRIGGER mailadmin_copies_alias_update AFTER UPDATE ON alias FOR EACH ROW BEGIN
  IF NEW.address <> OLD.address AND OLD.address NOT LIKE '@%'
    AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address) THEN
    UPDATE IGNORE send_as SET sender = NEW.address WHERE sender = OLD.address AND NEW.address NOT LIKE '@%';
    DELETE FROM send_as WHERE sender = OLD.address;
    UPDATE IGNORE mail_copy SET address = NEW.address, domain = NEW.domain
      WHERE address = OLD.address AND NEW.address NOT LIKE '@%';
    DELETE FROM mail_copy WHERE address = OLD.address;
    DELETE c FROM alias_domain l
      JOIN mail_copy c ON c.address = CONCAT(SUBSTRING_INDEX(OLD.address, '@', 1), '@', l.alias_domain)
      WHERE l.target_domain = OLD.domain
      AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = c.address)
      AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = c.address);
  END IF;
END
//
CREATE TRIGGER mailadmin_copies_mailbox_update AFTER UPDATE ON mailbox FOR EACH ROW BEGIN
  IF NEW.username <> OLD.username THEN
    DELETE FROM quota_warning WHERE username = NEW.username;
    UPDATE quota_warning SET username = NEW.username WHERE username = OLD.username;
    UPDATE IGNORE mailbox_share_index SET owner = NEW.username WHERE owner = OLD.username;
    UPDATE mailbox_share SET owner = NEW.username WHERE owner = OLD.username;
    UPDATE mailbox_share SET person = NEW.username WHERE person = OLD.username;
    UPDATE IGNORE send_as SET username = NEW.username WHERE username = OLD.username;
    DELETE FROM send_as WHERE username = OLD.username;
    UPDATE IGNORE send_as SET sender = NEW.username WHERE sender = OLD.username;
    DELETE FROM send_as WHERE sender = OLD.username;
    UPDATE mail_copy SET goto = NEW.username
      WHERE goto_domain = SUBSTRING_INDEX(OLD.username, '@', -1) AND goto = OLD.username;
    IF NOT EXISTS (SELECT 1 FROM alias WHERE address = OLD.username) THEN
      UPDATE IGNORE mail_copy SET address = NEW.username, domain = NEW.domain WHERE address = OLD.username;
      DELETE FROM mail_copy WHERE address = OLD.username;
      DELETE c FROM alias_domain l
        JOIN mail_copy c ON c.address = CONCAT(SUBSTRING_INDEX(OLD.username, '@', 1), '@', l.alias_domain)
        WHERE l.target_domain = OLD.domain
        AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = c.address)
        AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = c.address);
    END IF;
  END IF;
END
//

-- What is of a whole domain ------------------------------------------------------------------

-- Keys that sign end by their foreign key.
CREATE TRIGGER mailadmin_routes_domain_delete AFTER DELETE ON domain FOR EACH ROW BEGIN
  DELETE FROM send_as WHERE domain = OLD.domain;
  DELETE FROM send_as WHERE sender_domain = OLD.domain;
  DELETE FROM mail_copy WHERE domain = OLD.domain;
  DELETE FROM mail_copy WHERE goto_domain = OLD.domain;
  DELETE FROM relay_host WHERE domain = OLD.domain;
  DELETE FROM domain_sender_rule WHERE domain = OLD.domain;
  DELETE FROM domain_dns WHERE domain = OLD.domain;
  DELETE FROM own_alias_limit WHERE domain = OLD.domain;
  DELETE FROM letter_text WHERE domain = OLD.domain;
  DELETE FROM domain_role WHERE domain = OLD.domain;
END
//
-- A name that no domain had until now may have left-overs of one long gone, which must neither refuse the UPDATE nor come to life.
-- A copy whose address would be too long ends: cut off, it would go to somebody else.
CREATE TRIGGER mailadmin_routes_domain_update AFTER UPDATE ON domain FOR EACH ROW BEGIN
  IF NEW.domain <> OLD.domain THEN
    DELETE FROM send_as WHERE sender = CONCAT('@', NEW.domain);
    UPDATE send_as SET sender = CONCAT('@', NEW.domain) WHERE sender = CONCAT('@', OLD.domain);
    UPDATE IGNORE mail_copy SET address = CONCAT(SUBSTRING_INDEX(address, '@', 1), '@', NEW.domain), domain = NEW.domain
      WHERE domain = OLD.domain
      AND CHAR_LENGTH(address) - CHAR_LENGTH(OLD.domain) + CHAR_LENGTH(NEW.domain) <= 255;
    DELETE FROM mail_copy WHERE domain = OLD.domain;
    UPDATE mail_copy SET goto = CONCAT(SUBSTRING_INDEX(goto, '@', 1), '@', NEW.domain) WHERE goto_domain = OLD.domain
      AND CHAR_LENGTH(goto) - CHAR_LENGTH(OLD.domain) + CHAR_LENGTH(NEW.domain) <= 255;
    DELETE FROM mail_copy WHERE goto_domain = OLD.domain;
    DELETE FROM relay_host WHERE domain = NEW.domain;
    UPDATE relay_host SET domain = NEW.domain WHERE domain = OLD.domain;
    DELETE FROM domain_sender_rule WHERE domain = NEW.domain;
    UPDATE domain_sender_rule SET domain = NEW.domain WHERE domain = OLD.domain;
    DELETE FROM domain_dns WHERE domain = OLD.domain;
    DELETE FROM own_alias_limit WHERE name = NEW.domain;
    UPDATE own_alias_limit SET name = NEW.domain, domain = NEW.domain WHERE name = OLD.domain;
    DELETE FROM letter_text WHERE domain = NEW.domain;
    UPDATE letter_text SET domain = NEW.domain WHERE domain = OLD.domain;
    DELETE FROM domain_role WHERE domain = NEW.domain;
    UPDATE domain_role SET domain = NEW.domain WHERE domain = OLD.domain;
  END IF;
END
//

-- What opens an account ------------------------------------------------------------------------

-- Who has the name of a deleted mailbox or administrator next gets none of its second factors, links, tokens and sessions.
-- The panel does the same: accounts/factors.py, forget().

CREATE TRIGGER mailadmin_accounts_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW BEGIN
  DELETE FROM second_factor WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM recovery_code WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM passkey WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM password_link WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM sign_in_link WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM api_token WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM panel_session WHERE username = OLD.username AND kind = 'mailbox';
  DELETE FROM totp_exception_address WHERE username = OLD.username AND NOT for_admin;
END
//
CREATE TRIGGER mailadmin_accounts_admin_delete AFTER DELETE ON admin FOR EACH ROW BEGIN
  DELETE FROM second_factor WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM recovery_code WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM passkey WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM password_link WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM sign_in_link WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM api_token WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM panel_session WHERE username = OLD.username AND kind = 'admin';
  DELETE FROM totp_exception_address WHERE username = OLD.username AND for_admin;
  DELETE FROM domain_role WHERE username = OLD.username;
END
//
-- Who has another name has no more rights by it.
CREATE TRIGGER mailadmin_roles_admin_update AFTER UPDATE ON admin FOR EACH ROW BEGIN
  IF NEW.username <> OLD.username THEN
    DELETE FROM domain_role WHERE username = NEW.username;
    UPDATE domain_role SET username = NEW.username WHERE username = OLD.username;
  END IF;
END
//

-- All anew: manage.py recount ----------------------------------------------------------------
-- Of domains that were deleted before these triggers were there. Of addresses it cannot be told: a copy may be of one that only a
-- catch-all takes.

DELETE FROM mail_copy WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = mail_copy.domain)
//
DELETE FROM relay_host WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = relay_host.domain)
//
DELETE FROM domain_sender_rule WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = domain_sender_rule.domain)
//
DELETE FROM own_alias_limit WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = own_alias_limit.domain)
//
DELETE FROM domain_role WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = domain_role.domain)
  OR NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = domain_role.username)
//
DELETE FROM letter_text WHERE domain <> '' AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = letter_text.domain)
//
DELETE FROM quota_warning WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = quota_warning.username)
//
DELETE FROM mailbox_share WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mailbox_share.owner)
  OR NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mailbox_share.person)
//
DELETE FROM send_as WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = send_as.username)
//
DELETE FROM second_factor WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = second_factor.username)
//
DELETE FROM second_factor WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = second_factor.username)
//
DELETE FROM recovery_code WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = recovery_code.username)
//
DELETE FROM recovery_code WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = recovery_code.username)
//
DELETE FROM passkey WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = passkey.username)
//
DELETE FROM passkey WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = passkey.username)
//
DELETE FROM password_link WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = password_link.username)
//
DELETE FROM password_link WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = password_link.username)
//
DELETE FROM sign_in_link WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = sign_in_link.username)
//
DELETE FROM sign_in_link WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = sign_in_link.username)
//
DELETE FROM api_token WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = api_token.username)
//
DELETE FROM api_token WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = api_token.username)
//
DELETE FROM panel_session WHERE kind = 'mailbox' AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = panel_session.username)
//
DELETE FROM panel_session WHERE kind = 'admin' AND NOT EXISTS (SELECT 1 FROM admin a WHERE a.username = panel_session.username)
//
