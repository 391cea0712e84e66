MYSQL = {
    "ENGINE": "django.db.backends.mysql",
    "NAME": "panel",
    "HOST": "",
    "PORT": "",
    "OPTIONS": {},
}

PASSWORDS = {"postfix": "postfix-secret", "dovecot": "dovecot-secret", "signer": "signer-secret"}


def files_in(directory):
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }
