"""What is wrong with rows: one set of checks, asked of PostfixAdmin's tables and of ours.

found.py is what a check finds, asking.py how it asks, rows.py the checks. `manage.py adopt` reports them.
"""
