-- As routes_mariadb.sql, which says why: what ends with an address or a domain, or goes along with one that is renamed.

CREATE TRIGGER mailadmin_copies_alias_delete AFTER DELETE ON alias FOR EACH ROW WHEN OLD.address NOT LIKE '@%'
  AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address) BEGIN
  DELETE FROM mail_copy WHERE address = OLD.address;
  DELETE FROM mail_copy WHERE address IN (
      SELECT substr(OLD.address, 1, instr(OLD.address, '@')) || l.alias_domain FROM alias_domain l
      WHERE l.target_domain = OLD.domain
    )
    AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = mail_copy.address)
    AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mail_copy.address);
END
//
CREATE TRIGGER mailadmin_copies_to_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW BEGIN
  DELETE FROM mail_copy WHERE goto = OLD.username;
END
//
CREATE TRIGGER mailadmin_copies_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW WHEN NOT EXISTS (
    SELECT 1 FROM alias WHERE address = OLD.username
  ) BEGIN
  DELETE FROM mail_copy WHERE address = OLD.username;
  DELETE FROM mail_copy WHERE address IN (
      SELECT substr(OLD.username, 1, instr(OLD.username, '@')) || l.alias_domain FROM alias_domain l
      WHERE l.target_domain = OLD.domain
    )
    AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = mail_copy.address)
    AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mail_copy.address);
END
//
CREATE TRIGGER mailadmin_copies_alias_update AFTER UPDATE OF address ON alias FOR EACH ROW WHEN NEW.address <> OLD.address
  AND OLD.address NOT LIKE '@%' AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address) BEGIN
  UPDATE OR IGNORE mail_copy SET address = NEW.address, domain = NEW.domain
    WHERE address = OLD.address AND NEW.address NOT LIKE '@%';
  DELETE FROM mail_copy WHERE address = OLD.address;
  DELETE FROM mail_copy WHERE address IN (
      SELECT substr(OLD.address, 1, instr(OLD.address, '@')) || l.alias_domain FROM alias_domain l
      WHERE l.target_domain = OLD.domain
    )
    AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = mail_copy.address)
    AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mail_copy.address);
END
//
CREATE TRIGGER mailadmin_copies_to_mailbox_update AFTER UPDATE OF username ON mailbox FOR EACH ROW WHEN NEW.username <> OLD.username BEGIN
  UPDATE mail_copy SET goto = NEW.username WHERE goto = OLD.username;
END
//
CREATE TRIGGER mailadmin_copies_mailbox_update AFTER UPDATE OF username ON mailbox FOR EACH ROW WHEN NEW.username <> OLD.username
  AND NOT EXISTS (SELECT 1 FROM alias WHERE address = OLD.username) BEGIN
  UPDATE OR IGNORE mail_copy SET address = NEW.username, domain = NEW.domain WHERE address = OLD.username;
  DELETE FROM mail_copy WHERE address = OLD.username;
  DELETE FROM mail_copy WHERE address IN (
      SELECT substr(OLD.username, 1, instr(OLD.username, '@')) || l.alias_domain FROM alias_domain l
      WHERE l.target_domain = OLD.domain
    )
    AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.address = mail_copy.address)
    AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.username = mail_copy.address);
END
//
CREATE TRIGGER mailadmin_routes_domain_delete AFTER DELETE ON domain FOR EACH ROW BEGIN
  DELETE FROM mail_copy WHERE OLD.domain IN (domain, goto_domain);
  DELETE FROM relay_host WHERE domain = OLD.domain;
  DELETE FROM domain_sender_rule WHERE domain = OLD.domain;
  DELETE FROM domain_dns WHERE domain = OLD.domain;
END
//
CREATE TRIGGER mailadmin_routes_domain_update AFTER UPDATE OF domain ON domain FOR EACH ROW WHEN NEW.domain <> OLD.domain BEGIN
  UPDATE OR IGNORE mail_copy SET address = substr(address, 1, instr(address, '@')) || NEW.domain, domain = NEW.domain
    WHERE domain = OLD.domain
    AND length(address) - length(OLD.domain) + length(NEW.domain) <= 255;
  DELETE FROM mail_copy WHERE domain = OLD.domain;
  UPDATE mail_copy SET goto = substr(goto, 1, instr(goto, '@')) || NEW.domain WHERE goto_domain = OLD.domain
    AND length(goto) - length(OLD.domain) + length(NEW.domain) <= 255;
  DELETE FROM mail_copy WHERE goto_domain = OLD.domain;
  DELETE FROM relay_host WHERE domain = NEW.domain;
  UPDATE relay_host SET domain = NEW.domain WHERE domain = OLD.domain;
  DELETE FROM domain_sender_rule WHERE domain = NEW.domain;
  UPDATE domain_sender_rule SET domain = NEW.domain WHERE domain = OLD.domain;
  DELETE FROM domain_dns WHERE domain = OLD.domain;
END
//

-- All anew: manage.py recount ----------------------------------------------------------------

DELETE FROM mail_copy WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = mail_copy.domain)
//
DELETE FROM relay_host WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = relay_host.domain)
//
DELETE FROM domain_sender_rule WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.domain = domain_sender_rule.domain)
//
