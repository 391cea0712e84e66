from django.conf import settings
from django.db.models import Q, Value
from django.db.models.functions import Concat, Replace

from aliases import access
from aliases.models import Alias, AliasTarget
from domains.copies import FROM, TO
from domains.main_cf import (
    BACKUP_MX,
    COPIES_FROM,
    COPIES_TO,
    DOMAIN_SENDERS,
    MEMBERS,
    RECIPIENT_ACCESS,
    RELAY_HOSTS,
    SENDER_ACCESS,
    TRANSPORT,
    VERIFY,
)
from domains.models import (
    LOCAL_TRANSPORTS,
    Copy,
    Domain,
    DomainSenderRule,
    RelayHost,
    SenderRule,
)
from mailadmin.shipped import fill_in
from mailboxes.models import Mailbox
from panel.derived_keys import policy_nonce, policy_secret, relay_key

# How the targets of an alias begin that are of PostfixAdmin's away messages (aliases/away.py).
AWAY = Concat(Replace("alias", Value("@"), Value("#")), Value("@"))
# Hashes that Dovecot 2.4 certainly takes without auth_allow_weak_schemes.
STRONG = Q()
for prefix in [
    *["{SHA512-CRYPT}", "{SHA256-CRYPT}", "{BLF-CRYPT}", "{ARGON2ID}", "{ARGON2I}"],
    *["$6$", "$5$", "$2a$", "$2b$", "$2y$"],
]:
    STRONG |= Q(password__startswith=prefix)


def blocks_needed():
    rows = {
        BACKUP_MX: Domain.objects.filter(backupmx=True),
        VERIFY: Domain.objects.filter(backupmx=True, verify_recipients=True),
        COPIES_TO: Copy.objects.filter(direction=TO),
        COPIES_FROM: Copy.objects.filter(direction=FROM),
        RELAY_HOSTS: RelayHost.objects.all(),
        SENDER_ACCESS: SenderRule.objects.all(),
        DOMAIN_SENDERS: DomainSenderRule.objects.all(),
        RECIPIENT_ACCESS: Mailbox.objects.filter(receives=False),
        MEMBERS: Alias.objects.filter(access=access.MEMBERS),
        TRANSPORT: Domain.objects.exclude(transport__in=LOCAL_TRANSPORTS),
        "weak-hashes": Mailbox.objects.exclude(STRONG),
    }
    needed = {name for name, found in rows.items() if found.exists()}
    limited = Alias.objects.filter(access__gt=access.EVERYBODY)
    needed |= {RECIPIENT_ACCESS} if limited.exists() else set()
    return needed


def forwards_elsewhere():
    """Whether mail that comes in leaves again: by an alias, a forwarding, or a copy, to a domain that is not here.

    The program of PostfixAdmin's away messages has a domain too, whose mail stays here.
    """
    # DISTINCT alone jumps from domain to domain in the index; with a condition on another table all targets were read.
    targets = AliasTarget.objects.order_by().values_list("domain", flat=True).distinct()
    copies = Copy.objects.filter(direction=TO).values_list("goto_domain", flat=True).distinct()
    ours = set(Domain.objects.values_list("pk", flat=True))
    if set(copies) - ours:
        return True
    sent_on = AliasTarget.objects.exclude(target__startswith=AWAY)
    return any(sent_on.filter(domain=name).exists() for name in set(targets) - ours)


def blocks_wanted():
    wanted = {
        settings.DKIM_SIGNER: settings.DKIM_SIGNER != "none",
        "helper": settings.HELPER_SOCKET,
        "deliveries": settings.DELIVERY_LOGS,
        "sign-ins": settings.SIGN_INS,
        "purge": settings.PURGE,
        "srs": settings.SRS,
        "password-lifetime": settings.PASSWORD_LIFETIME_IN_MAIL,
        "away-messages": settings.AWAY_MESSAGES,
        "reports": settings.REPORTS_TO.lower() == settings.REPORTS_HERE,
    }
    return {block for block, is_wanted in wanted.items() if is_wanted}


def marker_values(database, passwords, **given):
    wanted = {
        "HOSTNAME": settings.MAIL_HOSTNAME,
        "VMAIL_ROOT": settings.VMAIL_ROOT,
        "VMAIL_UID": str(settings.VMAIL_UID),
        "VMAIL_GID": str(settings.VMAIL_GID),
        "RECIPIENT_DELIMITER": settings.RECIPIENT_DELIMITER,
        "PASSWORD_DEFAULT_SCHEME": settings.PASSWORD_DEFAULT_SCHEME,
        "WEBMAIL_SECRET": settings.WEBMAIL_SECRET,
        "RELAY_KEY": relay_key(settings.SECRET_KEY),
        "SIGN_INS": settings.SIGN_INS,
        "SIGN_INS_SECRET": policy_secret(settings.SECRET_KEY),
        "SIGN_INS_NONCE": policy_nonce(settings.SECRET_KEY),
    }
    return fill_in(wanted, database, passwords, **given)
