-- What postfix/alias.cf leaves out: targets in your own domains where nobody would take the mail.
--
-- For a server that runs already: look at this list before you take over alias.cf. If another map of
-- yours answers for one of these addresses, give it an alias or a mailbox in the panel, or its
-- whole domain a transport. An alias that is its own target, beside others, stands for nobody: if
-- a mailbox of that name in the target of its alias domain is meant, write that one. Changes nothing.
--
-- Try it:  mariadb -t @DB_NAME@ < left-out.sql

SELECT t.alias, t.target
  FROM alias_target t
  JOIN alias a ON a.address = t.alias AND a.active = 1
  LEFT JOIN mailbox own ON own.username = t.bare AND own.active = 1
  LEFT JOIN alias ra ON ra.address = t.target AND ra.active = 1
    AND (t.target <> t.bare OR (ra.address <> t.alias AND ra.goto <> ra.address))
  LEFT JOIN alias rb ON rb.address = t.bare AND rb.active = 1 AND rb.address <> t.alias
    AND rb.goto <> rb.address
  LEFT JOIN alias ca ON ca.address = CONCAT('@', t.domain) AND ca.active = 1
    AND t.alias NOT IN (ca.address, t.bare) AND ca.goto NOT IN (t.target, t.bare)
  LEFT JOIN alias_domain xd ON xd.alias_domain = t.domain AND xd.active = 1 AND t.alias <> t.bare
  LEFT JOIN domain xt ON xt.domain = xd.target_domain AND xt.active = 1
  LEFT JOIN mailbox xm ON xm.username = CONCAT(LEFT(t.bare, CHAR_LENGTH(t.bare) - CHAR_LENGTH(t.domain)), xt.domain)
    AND xm.active = 1
  LEFT JOIN alias xr ON xr.address = CONCAT(LEFT(t.bare, CHAR_LENGTH(t.bare) - CHAR_LENGTH(t.domain)), xt.domain)
    AND xr.active = 1 AND xr.address <> t.alias AND xr.goto <> xr.address
  LEFT JOIN alias xc ON xc.address = CONCAT('@', xt.domain) AND xc.active = 1
    AND t.alias NOT IN (xc.address, CONCAT('@', t.domain)) AND xc.goto NOT IN (t.target, t.bare)
  JOIN domain lost ON lost.domain = t.domain AND (lost.active = 0 OR (
    lost.backupmx = 0 AND lost.transport IN ('', 'virtual')
    AND COALESCE(own.username, ra.address, rb.address, ca.address, xm.username, xr.address, xc.address,
      IF(t.target <> t.bare, xt.domain, NULL)) IS NULL
    AND t.target NOT LIKE '@%' AND t.target NOT REGEXP '[^a-z0-9@._+=&$-]'))
  ORDER BY t.owner, t.alias, t.target;
