ACCOUNTS = "# accounts\nann@example.org|{0}\nbob@example.com|{0}|\n"
FILES = {
    "postfix-virtual.cf": "info@example.org ann@example.org,bob@example.com\n"
    "ann@example.org ann@example.org,ann@elsewhere.test\n"
    "@example.com bob@example.com\nbob@example.com bob@example.com\n",
    "dovecot-quotas.cf": "ann@example.org:2G\nbob@example.com:0\n",
}


def config(directory, secret):
    for name, text in (FILES | {"postfix-accounts.cf": ACCOUNTS.format(secret)}).items():
        (directory / name).write_text(text)
    return directory
