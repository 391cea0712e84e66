-- What postfix/alias.cf leaves out: targets in your own domains where nobody would take the mail.
--
-- For a server that runs already: look at this list before you take over alias.cf. If another map of
-- yours answers for one of these addresses, give it an alias or a mailbox in the panel, or its
-- whole domain a transport. A catch-all to a whole domain (@example.net) is judged for each name and not
-- listed, unless that domain is inactive. An alias that is its own target, beside others, stands for nobody: if
-- a mailbox of that name in the target of its alias domain is meant, write that one. Changes nothing.
--
-- Try it:  mariadb -t @DB_NAME@ < left-out.sql

SELECT a.address AS alias, t.target
  FROM (SELECT address, domain, goto, mailadmin_heard(address, goto, address) AS heard
    FROM alias WHERE active = 1 AND goto <> address) a
  JOIN alias_target t ON t.alias = a.address
  LEFT JOIN domain x ON x.domain = t.domain
  WHERE IF(t.target LIKE '@%' OR a.address LIKE '@%' AND a.goto REGEXP '(^|,)[[:space:]]*@',
    t.target LIKE '@%' AND x.active = 0,
    NOT a.heard <=> a.goto AND COALESCE(FIND_IN_SET(t.target, a.heard), 0) = 0)
  ORDER BY a.domain, a.address, t.target;
