-- What Postfix's virtual_alias_maps answer: deploy/postfix/alias.cf calls the procedure.
--
-- `manage.py migrate` creates both, `manage.py recount` creates them again, after a restore from a
-- dump without them for instance. Without them Postfix defers all mail (451).
--
-- They only read, wait for no lock, and run with the rights of their caller. They never end in an
-- error of their own, after which Postfix would leave the database alone for a minute.
-- aliases/lookup.py says the same in Python, for the pages; the tests compare the two.

-- The answer for one key: user+extension@domain, user@domain or @domain. NULL: no answer.
-- A procedure, because the server opens all tables of a function before it begins, those of the
-- function below too; most keys need only the first statement.
CREATE OR REPLACE PROCEDURE mailadmin_lookup(sent_key VARBINARY(1024), sent_domain VARBINARY(1024))
READS SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE lookup_key, key_domain, name_at VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE alias_goto, answer MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE mailbox, own_domain, target_key VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE findable BOOLEAN;
  BEGIN
    -- Not UTF-8, or too long (1406): nobody has such an address.
    DECLARE EXIT HANDLER FOR 1300, 1366, 3854, 1406 SET lookup_key = NULL, key_domain = NULL;
    SET lookup_key = CONVERT(sent_key USING utf8mb4), key_domain = CONVERT(sent_domain USING utf8mb4);
  END;

  -- Mostly the alias, which every mailbox has, leads to one mailbox: nothing has to be followed.
  SELECT a.goto INTO answer
    FROM domain d
    JOIN alias a ON a.address = lookup_key AND a.active = 1
    JOIN mailbox m ON m.username = a.goto AND m.active = 1
    JOIN domain td ON td.domain = SUBSTRING_INDEX(a.goto, '@', -1) AND td.active = 1
    WHERE d.domain = key_domain AND d.active = 1 AND a.goto NOT LIKE '%,%' AND a.goto NOT LIKE '% %'
      AND INSTR(SUBSTRING_INDEX(a.goto, '@', 1), '@RECIPIENT_DELIMITER@') < 2;

  IF answer IS NULL THEN
    SET name_at = LEFT(lookup_key, CHAR_LENGTH(lookup_key) - CHAR_LENGTH(key_domain));
    -- A mailbox with the recipient delimiter in its name is passed over: Dovecot would look for the
    -- name before the delimiter.
    SET findable = INSTR(SUBSTRING_INDEX(lookup_key, '@', 1), '@RECIPIENT_DELIMITER@') < 2;
    -- Where the next server knows the addresses, an alias that only leads to itself lists one of them.
    SELECT a.goto, IF(m.active = 1, m.username, NULL), d.domain INTO alias_goto, mailbox, own_domain
      FROM domain d
      LEFT JOIN mailbox m ON m.username = lookup_key AND findable
      LEFT JOIN alias a ON a.address = lookup_key AND a.active = 1
        AND (a.goto <> a.address OR m.username IS NULL AND name_at <> '@'
          AND (d.backupmx = 1 OR d.transport NOT IN ('', 'virtual', 'virtual:')))
      WHERE d.domain = key_domain AND d.active = 1;
    IF alias_goto IS NOT NULL THEN
      SET answer = mailadmin_deliverable_targets(lookup_key, alias_goto);
    END IF;
    SET answer = COALESCE(answer, mailbox);
  END IF;

  -- An alias domain: the same name in its target domain.
  IF answer IS NULL AND own_domain IS NOT NULL THEN
    SET alias_goto = NULL;
    SELECT a.goto, IF(m.active = 1, m.username, NULL), CONCAT(name_at, d.domain)
      INTO alias_goto, mailbox, target_key
      FROM alias_domain ad
      JOIN domain d ON d.domain = ad.target_domain AND d.active = 1
      LEFT JOIN mailbox m ON m.username = CONCAT(name_at, d.domain) AND findable
      LEFT JOIN alias a ON a.address = CONCAT(name_at, d.domain) AND a.active = 1
        AND (a.goto <> a.address OR m.username IS NULL AND name_at <> '@'
          AND (d.backupmx = 1 OR d.transport NOT IN ('', 'virtual', 'virtual:')))
      WHERE ad.alias_domain = key_domain AND ad.active = 1;
    IF alias_goto IS NOT NULL THEN
      SET answer = mailadmin_deliverable_targets(target_key, alias_goto);
    END IF;
    SET answer = COALESCE(answer, mailbox);
  END IF;

  SELECT answer;
END
//

-- The targets in `goto` of the alias `alias_address` that somebody takes mail for, or NULL.
--
-- A target in one of our domains that nobody takes mail for would be accepted and then bounced, to
-- a sender who may be forged (backscatter). So it is left out, however many aliases, alias domains
-- and catch-alls lie between. Not looked into are external addresses, domains that are handed on
-- (backup MX, a transport of their own: the next server knows the addresses), whole domains
-- (@example.net), and unusual notations in active domains: they are answered as written.
--
-- Mail never comes back through the alias: what only a loop keeps alive is not deliverable. The
-- first alias that answers on the way is the last that is asked: one that leads to nobody does not
-- pass mail on to the catch-all, or leaving it out could close a loop. What cannot be followed (a
-- chain of a thousand aliases) is answered as written.
CREATE OR REPLACE FUNCTION mailadmin_deliverable_targets(
  alias_address VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  goto MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
) RETURNS MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
READS SQL DATA SQL SECURITY INVOKER
BEGIN
  DECLARE targets, to_follow INT;
  -- The server's limits of iterations (MariaDB, MySQL), of lists, of a value's length.
  DECLARE EXIT HANDLER FOR 1931, 3636, 1260, 1406 RETURN goto;

  -- Every target is a mailbox or external: nothing has to be followed.
  SELECT COUNT(*), COUNT(CASE WHEN d.active = 0 THEN 1
      WHEN d.backupmx = 0 AND d.transport IN ('', 'virtual', 'virtual:') AND m.username IS NULL
        AND t.target NOT LIKE '@%' AND t.target NOT REGEXP '[^@PLAIN@]' AND t.target NOT LIKE '%.'
      THEN 1 END)
    INTO targets, to_follow
    FROM alias_target t
    LEFT JOIN domain d ON d.domain = t.domain
    LEFT JOIN mailbox m ON m.username = t.bare AND m.active = 1
    WHERE t.alias = alias_address;
  IF targets = 0 AND REGEXP_REPLACE(goto, '[[:space:],;]', '') = '' THEN RETURN NULL; END IF;
  IF to_follow = 0 THEN RETURN goto; END IF;

  -- MySQL's default would cut a list at 1,024 bytes.
  SET SESSION group_concat_max_len = 1000000;
  RETURN (
    WITH RECURSIVE hop (target, address, bare, domain, taken) AS (
      -- Each target. Taken: 1 somebody takes it, 0 to be followed, NULL in an inactive domain.
      SELECT t.target, t.target, t.bare, t.domain,
          IF(d.active = 0, NULL, d.domain IS NULL OR d.backupmx = 1
            OR d.transport NOT IN ('', 'virtual', 'virtual:') OR m.username IS NOT NULL
            OR t.target LIKE '@%' OR t.target REGEXP '[^@PLAIN@]' OR t.target LIKE '%.')
        FROM alias_target t
        LEFT JOIN domain d ON d.domain = t.domain
        LEFT JOIN mailbox m ON m.username = t.bare AND m.active = 1
        WHERE t.alias = alias_address
      UNION
      -- The targets of the first alias among the keys that Postfix asks for: the whole address, the
      -- same in the target of an alias domain, both without the extension, the catch-alls.
      SELECT h.target, t.target, t.bare, t.domain,
          IF(d.active = 0, NULL, d.domain IS NULL OR d.backupmx = 1
            OR d.transport NOT IN ('', 'virtual', 'virtual:') OR m.username IS NOT NULL
            OR t.target LIKE '@%' OR t.target REGEXP '[^@PLAIN@]' OR t.target LIKE '%.')
        FROM hop h
        LEFT JOIN alias_domain ad ON ad.alias_domain = h.domain AND ad.active = 1
        LEFT JOIN domain td ON td.domain = ad.target_domain AND td.active = 1
        LEFT JOIN alias a1 ON a1.address = h.address AND a1.active = 1 AND a1.goto <> a1.address
        LEFT JOIN alias a2 ON a2.address = CONCAT(SUBSTRING_INDEX(h.address, '@', 1), '@', td.domain)
          AND a2.active = 1 AND a2.goto <> a2.address
        LEFT JOIN alias a3 ON a3.address = h.bare AND a3.active = 1 AND a3.goto <> a3.address
        LEFT JOIN alias a4 ON a4.address = CONCAT(SUBSTRING_INDEX(h.bare, '@', 1), '@', td.domain)
          AND a4.active = 1 AND a4.goto <> a4.address
        LEFT JOIN alias a5 ON a5.address = CONCAT('@', h.domain)
          AND a5.active = 1 AND a5.goto <> a5.address
        LEFT JOIN alias a6 ON a6.address = CONCAT('@', td.domain)
          AND a6.active = 1 AND a6.goto <> a6.address
        JOIN alias_target t ON t.alias = COALESCE(
          a1.address, a2.address, a3.address, a4.address, a5.address, a6.address)
        LEFT JOIN domain d ON d.domain = t.domain
        LEFT JOIN mailbox m ON m.username = t.bare AND m.active = 1
          AND m.username <> alias_address
        WHERE h.taken = 0
          AND h.address <> alias_address AND h.bare <> alias_address
          AND t.alias <> alias_address
      UNION
      -- The mailbox of that name in the target of an alias domain, if no alias comes before it.
      SELECT h.target, h.address, h.bare, h.domain, 1
        FROM hop h
        JOIN alias_domain ad ON ad.alias_domain = h.domain AND ad.active = 1
        JOIN domain td ON td.domain = ad.target_domain AND td.active = 1
        JOIN mailbox m ON m.username = CONCAT(SUBSTRING_INDEX(h.bare, '@', 1), '@', td.domain)
          AND m.active = 1 AND m.username <> alias_address
        LEFT JOIN alias a1 ON a1.address = h.address AND a1.active = 1 AND a1.goto <> a1.address
        LEFT JOIN alias a2 ON a2.address = CONCAT(SUBSTRING_INDEX(h.address, '@', 1), '@', td.domain)
          AND h.address <> h.bare AND a2.active = 1 AND a2.goto <> a2.address
        LEFT JOIN alias a3 ON a3.address = h.bare AND a3.active = 1 AND a3.goto <> a3.address
        WHERE h.taken = 0
          AND h.address <> alias_address AND h.bare <> alias_address
          AND COALESCE(a1.address, a2.address, a3.address) IS NULL
      UNION
      -- A name that is listed in the target of an alias domain, with its extension or without.
      SELECT h.target, h.address, h.bare, h.domain, 1
        FROM hop h
        JOIN alias_domain ad ON ad.alias_domain = h.domain AND ad.active = 1
        JOIN domain td ON td.domain = ad.target_domain AND td.active = 1
          AND (td.backupmx = 1 OR td.transport NOT IN ('', 'virtual', 'virtual:'))
        LEFT JOIN mailbox m ON m.username = CONCAT(SUBSTRING_INDEX(h.bare, '@', 1), '@', td.domain)
        LEFT JOIN alias a1 ON a1.address = h.address AND a1.active = 1 AND a1.goto <> a1.address
        LEFT JOIN alias a2 ON a2.address = CONCAT(SUBSTRING_INDEX(h.address, '@', 1), '@', td.domain)
          AND a2.active = 1 AND (a2.goto <> a2.address OR h.address <> h.bare)
        LEFT JOIN alias a3 ON a3.address = h.bare AND a3.active = 1 AND a3.goto <> a3.address
        LEFT JOIN alias a4 ON a4.address = CONCAT(SUBSTRING_INDEX(h.bare, '@', 1), '@', td.domain)
          AND a4.active = 1 AND m.username IS NULL
        WHERE h.taken = 0 AND a1.address IS NULL
          AND h.address <> alias_address AND h.bare <> alias_address
          AND IF(a2.address IS NULL, a3.address IS NULL AND a4.goto = a4.address, a2.goto = a2.address)
    )
    SELECT IF(COUNT(DISTINCT h.target) = COUNT(DISTINCT IF(h.taken = 1, h.target, NULL)), goto,
        GROUP_CONCAT(DISTINCT IF(h.taken = 1, h.target, NULL)))
      FROM hop h
  );
END
//
