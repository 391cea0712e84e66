import json

BCRYPT_SHA256 = (
    "$bcrypt-sha256$v=2,t=2b,r=12$abcdefghijklmnopqrstuv$0123456789abcdefghijklmnopqrstu"
)
CRYPT = "{SHA512-CRYPT}$6$salt$" + "a" * 86


def export(path, secret=CRYPT, **sections):
    """Write a file to ``path``, and return that; ``sections`` are lists of rows: what is not named is a small site's."""
    site = {
        "domain": [
            {
                "name": "example.org",
                "comment": "Ours",
                "alternatives": ["example.net"],
                "max_users": -1,
                "max_aliases": 0,
                "max_quota_bytes": 0,
            }
        ],
        "user": [
            {
                "email": "ann@example.org",
                "password": BCRYPT_SHA256,
                "quota_bytes": 1_000_000_000,
                "displayed_name": "Ann",
                "global_admin": True,
                "forward_enabled": True,
                "forward_keep": True,
                "forward_destination": ["ann@elsewhere.test"],
            },
            {
                "email": "bob@example.org",
                "password": secret,
                "manager_of": ["example.org"],
            },
        ],
        "alias": [
            {
                "email": "info@example.org",
                "destination": ["ann@example.org", "bob@example.org"],
            },
            {"email": "%@example.org", "destination": ["bob@example.org"], "wildcard": True},
        ],
        "relay": [{"name": "relay.example", "smtp": "192.0.2.1:26"}],
    }
    path.write_text(json.dumps(site | sections))
    return path
