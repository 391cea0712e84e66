"""What is wrong with rows: one set of checks, asked of PostfixAdmin's tables and of ours.

found.py is what a check finds, asking.py how it asks, rows.py the checks: those of names.py, routes.py and mailboxes.py.
`manage.py adopt` reports them. looking.py asks them of our tables (own.py) and writes down what was found, for
`manage.py check_rows` and the page (pages.py); cures.py and mending.py are what its buttons do.
"""
