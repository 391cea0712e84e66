# {heading: {command: (app, what it does, examples)}}
GROUPS = {
    "Rows": {
        "domain": (
            "domains",
            "domains and their limits",
            ("domain add example.org --mailboxes 50 --quota 20GB", "domain off example.org"),
        ),
        "aliasdomain": (
            "domains",
            "other names of domains",
            ("aliasdomain add example.net example.org", "aliasdomain own example.net --dry-run"),
        ),
        "dkim": (
            "domains",
            "keys that sign the domains' mail",
            ("dkim add example.org", "dkim sign example.org"),
        ),
        "mailbox": (
            "mailboxes",
            "mailboxes, passwords, forwardings",
            (
                "mailbox add ann@example.org --generate",
                "mailbox list --full --sort storage",
            ),
        ),
        "alias": (
            "aliases",
            "aliases and catch-alls",
            (
                "alias add sales@example.org ann@example.org partner@elsewhere.example",
                "alias add @example.org ann@example.org",
            ),
        ),
        "deleted": (
            "mailboxes",
            "what was deleted and can be restored",
            ("deleted list", "deleted restore ann@example.org"),
        ),
        "admin": (
            "accounts",
            "administrators of this panel",
            (
                "admin add it@example.org --domains example.org example.net",
                "admin list --superadmins",
            ),
        ),
        "secondfactors": (
            "accounts",
            "how TOTP secrets are stored, and encrypting them",
            ("secondfactors", "secondfactors --encrypt"),
        ),
    },
    "Questions": {
        "trace": (
            "mailadmin",
            "where mail for an address goes, step by step",
            ("trace info@example.org", "trace ann+lists@example.net --from joe@example.org --json"),
        ),
        "log": (
            "mailadmin",
            "who changed what",
            ("log --domain example.org", "log --follow"),
        ),
        "events": (
            "accounts",
            "the same as JSON lines, for scripts that follow it",
            ("events --since 1017 --kind mailbox", "events --follow --domain example.org"),
        ),
    },
    "Server": {
        "deliveries": (
            "mailadmin",
            "what became of each message: read the mail server's log",
            ("deliveries", "deliveries --follow"),
        ),
        "signins": (
            "mailadmin",
            "networks that guess mail passwords, and letting one in again",
            ("signins", "signins --let-in 192.0.2.7"),
        ),
        "webhooks": (
            "accounts",
            "tell other programs by https what happened",
            ("webhooks --follow", "webhooks --resume"),
        ),
        "check_rows": (
            "mailadmin",
            "what is wrong with rows, for the page “Findings”",
            ("check_rows", "check_rows --list passwords-weak"),
        ),
        "doctor": (
            "mailadmin",
            "what is wrong with this mail server, and what mends it",
            ("doctor", "doctor --only postfix dovecot"),
        ),
        "directories": (
            "mailadmin",
            "mail inside another mailbox's directory, and its own one",
            ("directories", "directories --apply"),
        ),
        "firstrun": (
            "mailadmin",
            "the first superadmin, and sample data",
            ("firstrun", "firstrun --demo"),
        ),
        "mailconf": (
            "mailadmin",
            "files for Postfix, Dovecot, nginx, systemd",
            (
                "mailconf DIRECTORY --hostname mail.example.org",
                "mailconf DIRECTORY --hostname mail.example.org --sql-hosts 192.0.2.1,192.0.2.2",
            ),
        ),
        "adopt": (
            "mailadmin",
            "PostfixAdmin's database becomes this panel's, and back",
            ("adopt --html report.html", "adopt --apply"),
        ),
        "export": (
            "mailadmin",
            "domains and what they hold, administrators, as a file",
            ("export > state.yaml", "export example.org --passwords --format json"),
        ),
        "apply": (
            "mailadmin",
            "make the server be as such a file says",
            ("apply state.yaml --dry-run", "apply state.yaml --prune"),
        ),
        "import": (
            "mailadmin",
            "domains, mailboxes and aliases from another mail server, or a table",
            (
                "import postfix --users /etc/dovecot/users --dry-run",
                "import file people.xlsx --domain example.org --result passwords.csv",
            ),
        ),
        "migrate": (
            "django.core",
            "create or upgrade the tables",
            ("migrate", "migrate --plan"),
        ),
        "recount": (
            "mailboxes",
            "triggers, functions and counters anew",
            ("recount", "recount && mailadmin check --database default"),
        ),
        "endings": (
            "mailboxes",
            "aliases and mailboxes whose last day is over",
            ("endings", "endings --list"),
        ),
        "fetchmail": (
            "mailboxes",
            "mail from mailboxes elsewhere, once",
            ("fetchmail", "fetchmail --together 8"),
        ),
        "purge": (
            "mailboxes",
            "directories of mail that nobody can restore",
            ("purge", "purge --remove"),
        ),
        "snapshot": (
            "mailboxes",
            "figures of today, for the plots",
            ("snapshot", "snapshot && mailadmin check --database default"),
        ),
        "broadcast": (
            "mailboxes",
            "a message to all mailboxes of some domains",
            (
                'broadcast --domain example.org --subject "Maintenance on Sunday" text.txt --dry-run',
                "broadcast --resume 17",
            ),
        ),
        "quotawarning": (
            "mailboxes",
            "write to somebody whose mailbox gets full; Dovecot calls it",
            ("quotawarning 80 info@example.org", "quotawarning below-80 info@example.org"),
        ),
        "checkdns": (
            "domains",
            "what the DNS says of domains and server",
            ("checkdns example.org", "checkdns --mail"),
        ),
        "reports": (
            "mailadmin",
            "what other servers report: DMARC and TLS",
            ("reports", "reports message.eml"),
        ),
        "certnames": (
            "domains",
            "names that certificates must have",
            ("certnames", "certnames | grep example.org"),
        ),
        "check": (
            "django.core",
            "what is wrong with settings and database",
            ("check --database default", "check --deploy"),
        ),
        "completion": (
            "mailadmin",
            "completion of these words in your shell",
            (
                "completion bash > /etc/bash_completion.d/mailadmin",
                "completion fish > ~/.config/fish/completions/mailadmin.fish",
            ),
        ),
    },
}
