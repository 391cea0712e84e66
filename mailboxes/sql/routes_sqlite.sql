-- As routes_mariadb.sql, which says why: what ends with an address or a domain, or goes along with one that is renamed.

CREATE TRIGGER mailadmin_copies_alias_delete AFTER DELETE ON alias FOR EACH ROW WHEN OLD.address NOT LIKE '@%'
  AND NOT EXISTS (SELECT 1 FROM mailbox WHERE username = OLD.address) BEGIN
  DELETE FROM send_as WHERE sender = OLD.address;
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
  DELETE FROM send_as WHERE username = OLD.username;
  DELETE FROM quota_warning WHERE username = OLD.username;
  DELETE FROM mailbox_share_index WHERE owner = OLD.username;
  DELETE FROM mailbox_share WHERE owner = OLD.username;
  DELETE FROM mailbox_share WHERE person = OLD.username;
  DELETE FROM mail_copy WHERE goto = OLD.username;
END
//
CREATE TRIGGER mailadmin_copies_mailbox_delete AFTER DELETE ON mailbox FOR EACH ROW WHEN NOT EXISTS (
    SELECT 1 FROM alias WHERE address = OLD.username
  ) BEGIN
  DELETE FROM send_as WHERE sender = OLD.username;
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
  UPDATE OR IGNORE send_as SET sender = NEW.address WHERE sender = OLD.address AND NEW.address NOT LIKE '@%';
  DELETE FROM send_as WHERE sender = OLD.address;
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
  DELETE FROM quota_warning WHERE username = NEW.username;
  UPDATE quota_warning SET username = NEW.username WHERE username = OLD.username;
  UPDATE OR IGNORE mailbox_share_index SET owner = NEW.username WHERE owner = OLD.username;
  UPDATE mailbox_share SET owner = NEW.username WHERE owner = OLD.username;
  UPDATE mailbox_share SET person = NEW.username WHERE person = OLD.username;
  UPDATE OR IGNORE send_as SET username = NEW.username WHERE username = OLD.username;
  DELETE FROM send_as WHERE username = OLD.username;
  UPDATE OR IGNORE send_as SET sender = NEW.username WHERE sender = OLD.username;
  DELETE FROM send_as WHERE sender = OLD.username;
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
  DELETE FROM send_as WHERE OLD.domain IN (domain, sender_domain);
  DELETE FROM mail_copy WHERE OLD.domain IN (domain, goto_domain);
  DELETE FROM relay_host WHERE domain = OLD.domain;
  DELETE FROM domain_sender_rule WHERE domain = OLD.domain;
  DELETE FROM domain_dns WHERE domain = OLD.domain;
  DELETE FROM own_alias_limit WHERE domain = OLD.domain;
  DELETE FROM letter_text WHERE domain = OLD.domain;
  DELETE FROM domain_role WHERE domain = OLD.domain;
END
//
CREATE TRIGGER mailadmin_routes_domain_update AFTER UPDATE OF domain ON domain FOR EACH ROW WHEN NEW.domain <> OLD.domain BEGIN
  DELETE FROM send_as WHERE sender = '@' || NEW.domain;
  UPDATE send_as SET sender = '@' || NEW.domain WHERE sender = '@' || OLD.domain;
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
  DELETE FROM own_alias_limit WHERE name = NEW.domain;
  UPDATE own_alias_limit SET name = NEW.domain, domain = NEW.domain WHERE name = OLD.domain;
  DELETE FROM letter_text WHERE domain = NEW.domain;
  UPDATE letter_text SET domain = NEW.domain WHERE domain = OLD.domain;
  DELETE FROM domain_role WHERE domain = NEW.domain;
  UPDATE domain_role SET domain = NEW.domain WHERE domain = OLD.domain;
END
//
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
CREATE TRIGGER mailadmin_roles_admin_update AFTER UPDATE OF username ON admin FOR EACH ROW WHEN NEW.username <> OLD.username BEGIN
  DELETE FROM domain_role WHERE username = NEW.username;
  UPDATE domain_role SET username = NEW.username WHERE username = OLD.username;
END
//

-- All anew: manage.py recount ----------------------------------------------------------------

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
