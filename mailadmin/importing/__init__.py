"""Domains, mailboxes and aliases from other mail servers: `manage.py import SOURCE`.

Every reader of ``readers/`` yields the same seven kinds of records (records.py). plan.py keeps them on disk, makes them fit
and says what does not; places.py finds out where mail lies. writing.py calls the panel's services, proof.py asks the source's
own maps and ours, report.py says it all.
"""
