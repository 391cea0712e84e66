"""What may be said of a source: ``{kind: (severity, title, what becomes of it)}``."""

from mailadmin.findings.found import CHANGE, DECIDE, KEEP, STOP

HOW_TO_OPEN = (
    "They are written with a password that nobody knows. Give each a new one:"
    " `manage.py mailbox password ADDRESS --generate`, `manage.py admin password NAME --generate`."
)

KINDS = {
    # --- In the way
    "domains-here-already": (
        STOP,
        "Domains that this panel has already",
        "Nothing is written beside what is there. Name the others with --domain, or delete or rename these first.",
    ),
    "domains-not-there": (
        STOP,
        "Domains of --domain that the source does not have",
        "Correct their names.",
    ),
    "directories-shared": (
        STOP,
        "Mailboxes whose mail lies in the directory of another one",
        "One would read the other's mail. Take one of them out of the source, or give it a directory of its own.",
    ),
    "mail-without-common-root": (
        STOP,
        "Mail lies below more than one directory of the mail server",
        (
            "Dovecot finds it below VMAIL_ROOT only. Bring it below one directory (mv, or a bind mount), and name that place in"
            " the source; or let all get new directories with --new-directories, and copy the mail with `doveadm sync`."
        ),
    ),
    "mail-in-different-forms": (
        STOP,
        "Mail lies in more than one form, or at different places below the home directories",
        (
            "Dovecot has one mail_location. Convert some (`dsync -u ADDRESS mirror …` on the old server), or let all get new"
            " directories with --new-directories, and copy the mail with `doveadm sync`."
        ),
    ),
    # --- A person decides
    "addresses-refused-here": (
        DECIDE,
        "Addresses that this panel cannot hold",
        "They are left out, and mail for them is refused. Rename them in the source.",
    ),
    "domains-refused-here": (
        DECIDE,
        "Domains whose name is none",
        "They are left out with all their addresses.",
    ),
    "targets-refused-here": (
        DECIDE,
        "Recipients that this panel cannot hold: commands, files, lists, names without a domain",
        "These recipients are left out; an alias without any other is left out as a whole.",
    ),
    "aliases-to-themselves": (
        DECIDE,
        "Aliases that lead only to themselves, where there is no mailbox",
        "They are left out: nobody takes their mail.",
    ),
    "aliases-of-other-domains": (
        DECIDE,
        "Aliases in domains that the source does not name",
        "They are left out. Name the domain in the source if mail for it is to be taken.",
    ),
    "alias-domains-to-nowhere": (
        DECIDE,
        "Alias domains that lead to a domain that is not in the source, or in a circle",
        "The link is left out.",
    ),
    "transports-refused-here": (
        DECIDE,
        "Domains with a transport that this panel refuses",
        "They come without it, switched off. Write another one in the panel and switch them on.",
    ),
    "administrators-refused-here": (
        DECIDE,
        "Administrators whose login name is no address",
        "They are left out: `manage.py admin add` makes them under another name.",
    ),
    # --- Changed
    "domains-made": (
        CHANGE,
        "Domains of mailboxes that the source does not name as its own",
        "Made, switched off: nothing was delivered to them.",
    ),
    "alias-domains-in-a-chain": (
        CHANGE,
        "Alias domains that lead to an alias domain",
        "They lead to where that one leads.",
    ),
    "alias-domains-from-catch-alls": (
        CHANGE,
        "Catch-alls that lead to the same name in another domain here",
        "They become alias domains.",
    ),
    "quotas-below-zero": (
        CHANGE,
        "Mailboxes with a quota below zero",
        "They come without a limit: give them one.",
    ),
    "passwords-in-clear": (
        CHANGE,
        "Passwords stored in clear text",
        "Stored as a hash; the passwords stay.",
    ),
    "passwords-of-no-scheme": (
        CHANGE,
        "Accounts whose password cannot come along: no hash that Dovecot reads, or none at all",
        HOW_TO_OPEN,
    ),
    "receives-without-sign-in": (
        CHANGE,
        "Mailboxes that take mail but let nobody sign in",
        "They are written with a password that nobody knows, and may not send. A new password opens them.",
    ),
    "administrators-here-already": (
        CHANGE,
        "Administrators who are here already",
        "They keep password and rights, and get the new domains as well.",
    ),
    # --- Worth knowing
    "directories-new": (
        KEEP,
        "Mailboxes of which the source does not say where mail lies",
        "They get new directories, as MAILDIR_LAYOUT has it: bring the mail there, or copy it with `doveadm sync`.",
    ),
    "limits-exceeded": (
        KEEP,
        "Domains that hold more than their limits allow",
        "They come with all they hold; nothing is added until it fits.",
    ),
}
