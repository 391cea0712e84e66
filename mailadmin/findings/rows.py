from mailadmin.findings import mailboxes, names, routes

CHECKS = [*names.CHECKS, *routes.CHECKS, *mailboxes.CHECKS]
# Those that are asked of the panel's own tables too.
HERE = {check.name: check for check in CHECKS if check.row}
