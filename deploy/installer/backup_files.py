import hashlib

ABOUT, STATE, DUMP, FILES, MAIL = (
    "about.json",
    "state.json",
    "database.sql",
    "files.tar",
    "mail.tar",
)
FORMAT = 1


def checksum(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
