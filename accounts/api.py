"""Administrators at /api/v1: for superadmins alone, as their pages are."""

from typing import Annotated

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts import own_account, services, sign_in_links
from accounts.api_auth import Token
from accounts.invitation_api import (
    Invitation,
    NewInvitation,
    invitations_of,
    invite,
    reset_factor,
)
from accounts.models import Admin, DomainRole, SuperadminLock
from accounts.passwords import prepared, verify_password
from accounts.reselling import counting_for
from domains.models import Domain
from panel.addresses import lookup_key
from panel.api.answers import moment
from panel.api.lists import Rows, listed, yes_or_no
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import (
    Answer,
    Body,
    Email,
    Moment,
    Secret,
    Text,
    example,
    patch_of,
    read_only,
    renamed,
    write_only,
)
from panel.api.writing import Done
from panel.scoping import starts_with_name

router = Router(tags=["Administrators"])
Name = Annotated[str, Path(description="The login name.", examples=["it@example.org"])]


class Budget(Body):
    """null: without a limit."""

    domains: Annotated[int | None, Field(ge=0, le=2_000_000_000)] = None
    mailboxes: Annotated[int | None, Field(ge=0, le=2_000_000_000)] = None
    storage_bytes: Annotated[int | None, Field(ge=0, le=10**18)] = Field(
        None, description="Whole MB of this server (QUOTA_MULTIPLIER)."
    )


class Administrator(Body):
    model_config = example({"domains": ["example.org"], "password": "tangerine-7-bicycle"})

    username: str | None = read_only("The login name.")
    mailbox: Text | None = Field(
        None,
        description="The address of a mailbox of this server, whose user this is: signs in there, has no password here, and manages only its domain. Only of a new administrator.",
    )
    superadmin: bool = False
    domains: list[Text] = Field([], description="What a domain admin manages.")
    roles: dict[Text, Text] | None = Field(
        None,
        description="In which of them less than everything may be done: aliases, passwords or read, by domain. Without it they stay as they are.",
    )
    reseller: Budget | None = Field(
        None, description="May create domains whose limits together are within this budget."
    )
    resold: list[Text] = Field(
        [], description="Of the domains, those that count against the budget."
    )
    active: bool = True
    must_change_password: bool = False
    phone: Text = Field("", max_length=30)
    email_other: Email = Field("", description="Another address of the person.")
    password: Secret | None = write_only(
        "A new administrator needs one, but with a mailbox. The one that they have changes nothing."
    )
    second_factor: bool | None = read_only("Whether there is one, other than the mailbox’s.")
    created: Moment = read_only(format="date-time")
    modified: Moment = read_only(format="date-time")


AdministratorPatch = patch_of(Administrator)


class Administrators(Answer):
    items: list[Administrator]
    next: str | None


class NewPassword(Body):
    model_config = example({"password": "tangerine-7-bicycle", "must_change_password": True})

    password: Secret = Field(
        json_schema_extra={"writeOnly": True}, examples=["tangerine-7-bicycle"]
    )
    must_change_password: bool = Field(
        False, description="The panel lets the person do nothing but set another one."
    )


class SignInLink(Answer):
    url: str = Field(description="Lead the person’s browser there. It works once.")
    until: str = Field(json_schema_extra={"format": "date-time"})


COLUMNS = {"must_change_password": "must_change"}


BUDGET = {"domains": "max_domains", "mailboxes": "max_mailboxes", "storage_bytes": "max_storage"}
NO_BUDGET = dict.fromkeys(BUDGET.values())


def columns_of(values, admin=None):
    values = renamed(values, COLUMNS)
    if "reseller" in values:
        budget = values["reseller"]
        values["reseller"] = budget is not None
        values |= NO_BUDGET if budget is None else _budget_of(budget)
    return values


def _budget_of(budget):
    values = {column: getattr(budget, member) for member, column in BUDGET.items()}
    if values["max_storage"] is not None:
        values["max_storage"], rest = divmod(values["max_storage"], settings.QUOTA_MULTIPLIER)
        if rest:
            text = _("Write whole MB of this server, of %(n)d bytes.")
            size = {"n": settings.QUOTA_MULTIPLIER}
            raise ValidationError({"max_storage": ValidationError(text, "not_whole", size)})
    return values


def budget_of(admin):
    if not (admin.reseller and admin.has_own_sign_in):
        return None
    storage = admin.max_storage
    return {
        "domains": admin.max_domains,
        "mailboxes": admin.max_mailboxes,
        "storage_bytes": None if storage is None else storage * settings.QUOTA_MULTIPLIER,
    }


def record(admin, domains=None, roles=None, resold=None):
    if (
        not admin.has_own_sign_in and domains is not None
    ):  # what another program added has no effect
        domains = [name for name in domains if name == admin.own_domain]
        roles = {name: role for name, role in roles.items() if name in domains}
    return {
        "username": admin.pk,
        "mailbox": admin.mailbox,
        "superadmin": admin.is_superadmin,
        "domains": list(admin.domain_names) if domains is None else domains,
        "roles": dict(sorted((admin.domain_roles if roles is None else roles).items())),
        "reseller": budget_of(admin),
        "resold": counting_for(admin) if resold is None else resold,
        "active": admin.active,
        "must_change_password": admin.must_change,
        "phone": admin.phone,
        "email_other": admin.email_other if admin.has_own_sign_in else "",
        "second_factor": admin.has_second_factor,
        "created": moment(admin.created),
        "modified": moment(admin.modified),
    }


class AdministratorRows(Rows):
    def records(self, keys):
        names = {}
        links = Admin.domains.through.objects.filter(username__in=keys, active=True)
        pairs = links.exclude(domain="ALL").order_by("domain").values_list("username", "domain")
        for admin, domain in pairs.distinct():
            names.setdefault(admin, []).append(domain)
        resold = {}
        rows = Domain.objects.filter(reseller__in=keys).order_by("pk")
        for admin, domain in rows.values_list("reseller", "pk"):
            resold.setdefault(admin, []).append(domain)
        roles = {}
        for row in DomainRole.objects.filter(username__in=keys):
            if row.domain in names.get(row.username, ()):
                roles.setdefault(row.username, {})[row.domain] = row.role
        found = Admin.objects.in_bulk(keys)
        return [
            record(found[key], names.get(key, []), roles.get(key, {}), resold.get(key, []))
            for key in keys
            if key in found
        ]


@router.get(
    "/administrators",
    auth=Token("administrators:read"),
    response=Administrators,
    openapi_extra=asks("q", "domain", "active", "superadmin"),
)
def list_administrators(request):
    """Administrators by login name."""
    query, rows = request.GET, Admin.objects.manageable_by(request.auth)
    if text := query.get("q", "").strip():
        rows = rows.filter(starts_with_name(text))
    if name := lookup_key(query.get("domain", "")):
        links = Admin.domains.through.objects.filter(domain=name)
        rows = rows.filter(pk__in=links.values("username"))
    if (wanted := yes_or_no(request, "active")) is not None:
        rows = rows.filter(active=wanted)
    if (wanted := yes_or_no(request, "superadmin")) is not None:
        rows = rows.superadmins(wanted)
    page = AdministratorRows(rows, ("pk",), record, whole=Admin.objects)
    return listed(request, page, asked=("q", "domain", "active", "superadmin"))


def _find(actor, name):
    return Admin.objects.manageable_by(actor).filter(pk=lookup_key(name)).first()


def _create(request, name, values):
    if values.get("mailbox") is None:
        refuse_no_password(values["password"])
    values["roles"] = values.get("roles") or {}
    return services.create_admin(actor=request.auth, username=name, **values)


def refuse_no_password(password):
    if password is None:
        text = _("A new one needs a password.")
        raise ValidationError({"password": ValidationError(text, "required")})


def _change(request, admin, values):
    actor, password = request.auth, values.pop("password", None)
    admin = services.update_admin(actor=actor, admin=admin, **values)
    if password is not None and is_another(request, password, admin):
        must = admin.must_change
        services.set_admin_password(actor=actor, admin=admin, password=password, must_change=must)
    return Admin.objects.get(pk=admin.pk)


def is_another(request, password, account):
    """Whether ``password`` is to be stored. A dry run does not compare: whoever may not know it could guess so, and nobody would see.

    A weak one is refused even if it is the stored one, for the same reason.
    """
    own_account.refuse_weak(password, account)
    if request.is_dry:
        return True
    stored, is_same = getattr(password, "compared", ("", False))
    if stored != account.password:  # somebody changed it meanwhile
        is_same = verify_password(password, account.password, account.pk)[0]
    return not is_same


def prepare_password(request, body, account=None):
    """Hash what ``body`` has before a lock is taken for which others wait, and compare it with that of ``account``.

    A dry run does not compare, nor may whoever is not told what came of it: how long it takes would tell.
    """
    if body.password is not None:
        known = account is not None and request.GET.get("dry_run") != "true"
        stored, name = (account.password, account.pk) if known else ("", "")
        body.password = prepared(body.password, stored, name)


def _delete(request, admin):
    services.delete_admin(actor=request.auth, admin=admin)


administrators = Resource(
    body=Administrator,
    keys=("username",),
    find=_find,
    record=record,
    columns=columns_of,
    pointers={column: member for member, column in COLUMNS.items()}
    | {column: ("reseller", member) for member, column in BUDGET.items()},
    create=_create,
    change=_change,
    delete=_delete,
    lock=SuperadminLock.hold,
)
invitations = invitations_of(administrators)


# What is below a name stands before it: a name in the path may have slashes.
@router.post(
    "/administrators/{path:name}/password",
    auth=Token("administrators:write"),
    response={204: None},
)
def set_administrator_password(request, name: Name, body: NewPassword):
    """Set a new password. All sessions end."""
    actor = request.auth
    prepare_password(request, body)

    def act(admin):
        must_change, password = body.must_change_password, body.password
        services.set_admin_password(
            actor=actor, admin=admin, password=password, must_change=must_change
        )
        return Done(204)

    return administrators.do(request, name, act=act)


@router.post(
    "/administrators/{path:name}/sign-in-link",
    auth=Token("administrators:sign-in"),
    response=SignInLink,
)
def make_administrator_sign_in_link(request, name: Name):
    """Make a link that signs in as this domain admin, once, within 30 seconds. A second factor is asked for after it."""
    actor = request.auth
    return administrators.do(
        request, name, act=lambda admin: Done(body=link_for(actor, admin), secret=("url",))
    )


def link_for(actor, account):
    url, until = sign_in_links.make_link(actor=actor, account=account)
    return {"url": url, "until": moment(until)}


@router.get(
    "/administrators/{path:name}/invitation",
    auth=Token("administrators:read"),
    response=Invitation,
)
def get_administrator_invitation(request, name: Name):
    """The invitation that waits for the person."""
    return invitations.get(request, name)


@router.post(
    "/administrators/{path:name}/invitation",
    auth=Token("administrators:write"),
    response=Invitation,
)
def invite_administrator(request, name: Name, body: NewInvitation):
    """Make a link by which the person sets a password; a former one opens nothing any more."""
    return invite(request, administrators, name, body)


@router.delete(
    "/administrators/{path:name}/invitation",
    auth=Token("administrators:write"),
    response={204: None},
)
def withdraw_administrator_invitation(request, name: Name):
    """Let the link open nothing any more."""
    return invitations.remove(request, name)


@router.delete(
    "/administrators/{path:name}/second-factor",
    auth=Token("administrators:factor"),
    response={204: None},
)
def reset_administrator_factor(request, name: Name):
    """Take away somebody’s second factor: they sign in with the password alone until they set up another one."""
    return reset_factor(request, administrators, name)


@router.get(
    "/administrators/{path:name}", auth=Token("administrators:read"), response=Administrator
)
def get_administrator(request, name: Name):
    """One administrator."""
    return administrators.get(request, name)


@router.put(
    "/administrators/{path:name}",
    auth=Token("administrators:write"),
    response={200: Administrator, 201: Administrator},
)
def put_administrator(request, name: Name, body: Administrator):
    """Create an administrator, or make one be like this. Twice the same changes nothing."""
    prepare_password(request, body, _find(request.auth, name))
    return administrators.put(request, body, name, kept=("mailbox",))


@router.patch(
    "/administrators/{path:name}", auth=Token("administrators:write"), response=Administrator
)
def patch_administrator(request, name: Name, body: AdministratorPatch):
    """Change what is named, and nothing else."""
    prepare_password(request, body, _find(request.auth, name))
    return administrators.patch(request, body, name)


@router.delete(
    "/administrators/{path:name}", auth=Token("administrators:write"), response={204: None}
)
def delete_administrator(request, name: Name):
    """Delete an administrator. The last superadmin stays."""
    return administrators.remove(request, name)
