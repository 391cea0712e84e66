-- What postfix/alias.cf leaves out: targets in your own domains that nobody takes mail for.
--
-- For a server that runs already: look at this list before you take over alias.cf. If another map of
-- yours answers for one of these addresses, give it an alias or a mailbox in the panel, or its
-- whole domain a transport. Changes nothing.
--
-- Try it:  mariadb -t @DB_NAME@ < undeliverable-targets.sql

SELECT a.address AS alias, t.target
  FROM (SELECT address, domain, goto, mailadmin_deliverable_targets(address, goto) AS answer
    FROM alias WHERE active = 1 AND goto <> address) a
  JOIN alias_target t ON t.alias = a.address
  WHERE NOT a.answer <=> a.goto AND COALESCE(FIND_IN_SET(t.target, a.answer), 0) = 0
  ORDER BY a.domain, a.address, t.target;
