from accounts.models import Admin
from aliases.models import Alias
from domains.models import AliasDomain, Domain
from mailboxes.models import Mailbox


def mailboxes(*fields):
    """``{address: (its fields)}``; one field alone without the brackets."""
    rows = Mailbox.objects.order_by("pk").values_list("pk", *fields)
    return {name: values[0] if len(values) == 1 else tuple(values) for name, *values in rows}


def aliases():
    rows = Alias.objects.filter(is_self_alias=False, active=True).order_by("pk")
    return {row.pk: row.targets for row in rows}


def forwardings():
    rows = Alias.objects.filter(is_self_alias=True).order_by("pk")
    return {row.pk: row.targets for row in rows if row.targets != [row.pk]}


def domains():
    return dict(Domain.objects.order_by("pk").values_list("pk", "active"))


def alias_domains():
    return dict(AliasDomain.objects.order_by("pk").values_list("pk", "target_domain_id"))


def administrators():
    return {
        admin.pk: "all" if admin.superadmin else list(admin.domain_names)
        for admin in Admin.objects.order_by("pk")
    }
