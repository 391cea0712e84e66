"""Measure pages, forms and look-ups at a thousand to a million mailboxes: ``python -m tests.bench``."""
