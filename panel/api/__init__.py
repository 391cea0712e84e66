"""The conventions of /api/v1, once for all resources: docs/api.md has them for people who write programs.

``schemas`` (what bodies look like), ``problems`` (RFC 9457), ``answers`` (JSON, ETag), ``writing`` (one transaction, dry run,
If-Match, Idempotency-Key), ``resources`` (the operations on one row), ``lists`` (keyset pages, NDJSON), ``middleware`` (no cookies). The operations are in the apps'
``api.py``; each calls the service that the pages call. mailadmin/api.py puts them together.
"""
