"""Addresses that lead elsewhere, and where they lead. Read by Postfix: deploy/postfix/alias.cf."""

from django.conf import settings
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Concat, Length, Substr
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from aliases.access import ACCESS, REFUSING
from aliases.ending_rows import Ending as Ending
from aliases.ending_rows import OwnAlias as OwnAlias
from aliases.ending_rows import OwnAliasLimit as OwnAliasLimit
from domains.models import LOCAL_TRANSPORTS, AliasDomain, Domain
from panel.addresses import (
    MAX_ADDRESS,
    display_address,
    normalise_local_part,
    split_address,
    split_targets,
)
from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet, acting, may_change_role_addresses, starts_with

LOGGED = ("goto", "description", "active", "access", "access_text")


class AliasQuerySet(ScopedQuerySet):
    """``manageable_by`` leaves out what an admin may see but not change: self-aliases,
    which change with their mailbox, and for domain admins the role addresses.
    """

    domain_first = True

    def manageable_by(self, account):
        rows = super().manageable_by(account).filter(is_self_alias=False)
        return rows if may_change_role_addresses(account) else rows.exclude(_at_role_address())

    def cleanable_by(self, account):
        """Of each domain where ``account`` may change aliases, whatever it is doing."""
        rows = super().manageable_by(acting(account, "aliases:write"))
        if may_change_role_addresses(account):
            return rows
        return rows.exclude(_at_role_address(), is_self_alias=False)

    def led_on_by(self, account):
        """Where an address gets another name, each goes on leading to whom it led: self-aliases and role addresses, too.

        Of each domain where ``account`` may change aliases, whatever it is doing.
        """
        return super().manageable_by(acting(account, "aliases:write"))

    def visible_to(self, account):
        return super().visible_to(account).filter(is_self_alias=False)

    def search(self, text):
        return self.filter(starts_with("address", text.strip().lower()))


def is_role_address(address):
    return split_address(address)[0] in settings.ROLE_ADDRESSES


def _at_role_address():
    roles = Q()
    for role in settings.ROLE_ADDRESSES:
        roles |= Q(address__startswith=f"{role}@")
    return roles


def page_of(address, is_self_alias):
    return reverse("mailbox" if is_self_alias else "alias", args=[address])


class Alias(models.Model):
    """An address and its comma-separated targets in ``goto``.

    ``@example.org`` is the catch-all. Every mailbox has a self-alias (``is_self_alias``) that leads to
    the mailbox itself, so that a catch-all does not take its mail, or to its forwarding.

    ``access`` says who may write to it; ``access_text`` is what senders are told of one that is closed, and the new address of one that
    has moved; ``access_list`` the number of one for members only, by which main.cf asks for the sender.
    """

    address = KeyField(_("address"), primary_key=True)
    goto = ShortTextField(_("targets"))
    domain = models.ForeignKey(Domain, models.PROTECT, db_column="domain", verbose_name=_("domain"))
    created = SecondsField(_("created"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(_("changed"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(_("active"), default=True, db_default=True)
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    is_self_alias = models.BooleanField(default=False, db_default=False, editable=False)
    access = KeyField(
        _("who may write to it"),
        max_length=10,
        choices=ACCESS,
        blank=True,
        default="",
        db_default="",
    )
    access_text = models.CharField(max_length=255, blank=True, default="", db_default="")
    access_list = models.SmallIntegerField(null=True, editable=False)

    objects = AliasQuerySet.as_manager()

    class Meta:
        db_table = "alias"
        default_permissions = ()
        verbose_name = _("alias")
        verbose_name_plural = _("aliases")
        indexes = [
            models.Index(fields=["is_self_alias", "domain", "address"], name="alias_list"),
            models.Index(fields=["is_self_alias", "address"], name="alias_search"),
            models.Index(
                fields=["is_self_alias", "active", "domain", "address"], name="alias_state"
            ),
            models.Index(fields=["is_self_alias", "modified"], name="alias_modified"),
            models.Index(fields=["domain", "is_self_alias", "address"], name="alias_in_domain"),
            models.Index(fields=["access"], name="alias_access"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["access_list"], name="alias_access_list"),
        ]

    def __str__(self):
        return display_address(self.address)

    def get_absolute_url(self):
        return page_of(self.address, self.is_self_alias)

    @property
    def targets(self):
        return split_targets(self.goto)

    @property
    def is_catch_all(self):
        return self.address.startswith("@")

    @property
    def refuses(self):
        return self.access in REFUSING

    def clean(self):
        if not self._state.adding or not self.domain_id:
            return
        local_part, _domain = split_address(self.address)
        if not self.is_catch_all:
            local_part = normalise_local_part(local_part)
        self.address = f"{local_part}@{self.domain_id}"
        if len(self.address) > MAX_ADDRESS:
            raise ValidationError(
                _("An address has at most %(n)d characters."), "invalid_address", {"n": MAX_ADDRESS}
            )

    @classmethod
    def targets_from_other_domains(cls, *names):
        # Ranges of an index; "not equal" would read all the targets the domains have within.
        gaps = zip([None, *names], [*names, None], strict=True)
        elsewhere = models.Q()
        for above, below in gaps:
            limits = {"owner__gt": above, "owner__lt": below}
            elsewhere |= models.Q(**{name: key for name, key in limits.items() if key})
        return AliasTarget.objects.filter(elsewhere, domain__in=names)

    @classmethod
    def covered_targets_in(cls, actor, domains):
        """Unmatched targets in ``domains``, of aliases that the actor sees: only a catch-all or an alias domain answers."""
        here = Domain.objects.filter(pk__in=domains, backupmx=False, transport__in=LOCAL_TRANSPORTS)
        targets = AliasTarget.objects.visible_to(actor).filter(unmatched=True)
        names = list(here.values_list("pk", flat=True))
        return targets.filter(domain__in=names).order_by("alias", "target")


def domains_answering_by_name():
    """Domains that are delivered here and are no alias domains: only their own rows answer."""
    links = AliasDomain.objects.filter(pk=OuterRef("pk"))
    return Domain.objects.filter(~Exists(links), backupmx=False, transport__in=LOCAL_TRANSPORTS)


class AliasTargetQuerySet(ScopedQuerySet):
    domain_lookup = "owner"

    def dangling(self):
        """Targets that nobody answers: unmatched, in a domain that is delivered here without a catch-all.

        An alias domain answers for all its names. A catch-all does not answer for its own targets.
        """
        domains = domains_answering_by_name().filter(pk=OuterRef("domain"))
        catch_all = Alias.objects.filter(pk=Concat(Value("@"), OuterRef("domain")))
        its_own = Q(alias=Concat(Value("@"), F("domain")))
        return self.filter(its_own | ~Exists(catch_all), Exists(domains), unmatched=True)

    def referring_to(self, addresses):
        rows = self.without_own_answer(besides=addresses)
        return rows.filter(bare__in=addresses).exclude(alias__in=addresses)

    def without_own_answer(self, besides=()):
        """Without ``joe+list@example.org`` where an alias has exactly this name: it does not lead to ``joe@``.

        In an alias domain, an alias of that name in the target domain counts too. ``besides``: aliases that do not count.
        """
        link = AliasDomain.objects.filter(pk=OuterRef(OuterRef("domain")), active=True)
        target, domain = OuterRef(OuterRef("target")), OuterRef(OuterRef("domain"))
        name = Substr(target, 1, Length(target) - Length(domain))  # with its @
        other = link.values_list(Concat(name, "target_domain_id", output_field=KeyField()))[:1]
        aliases = Alias.objects.exclude(pk__in=besides)
        named = Exists(aliases.filter(pk=OuterRef("target"))) | Exists(aliases.filter(pk=other))
        return self.exclude(~Q(target=F("bare")) & named)

    def aliases(self, bound):
        """The Alias rows of these targets by address, self-aliases included: at most ``bound``.

        ``named``: their targets with an extension that are aliases themselves, comma-separated. One statement,
        with a join that the ORM cannot write: ``alias`` is no foreign key.
        """
        names = self.order_by().values("alias").distinct()
        try:
            sql, params = names.query.sql_with_params()
        except EmptyResultSet:  # an account without domains, or no addresses
            return Alias.objects.none()
        named = (
            "SELECT GROUP_CONCAT(x.address) FROM alias_target u JOIN alias x ON x.address = u.target"
            " WHERE u.alias = a.address AND u.target <> u.bare"
        )
        found = f"({sql} LIMIT %s) t"  # a value, which a prepared statement takes anew each time
        rows = f"SELECT a.*, ({named}) AS named FROM {found} JOIN alias a ON a.address = t.alias"  # noqa: S608
        return Alias.objects.raw(f"{rows} ORDER BY a.address", [*params, bound])


class AliasTarget(models.Model):
    """One target of one alias, kept by database triggers whoever writes (mailboxes/sql/).

    ``owner`` is the alias's domain; ``bare`` the target without its extension; ``domain`` the domain that
    Postfix reads in it. ``unmatched``: that domain is ours, and no alias or mailbox has the target's name
    (a catch-all may still answer: see ``dangling()``). An alias that leads only to itself has no row here.
    """

    alias = KeyField()
    owner = KeyField()
    target = KeyField()
    bare = KeyField()
    domain = KeyField()
    unmatched = models.BooleanField(default=False, db_default=False)

    objects = AliasTargetQuerySet.as_manager()

    class Meta:
        db_table = "alias_target"
        default_permissions = ()
        indexes = [
            models.Index(fields=["alias"], name="alias_target_alias"),
            models.Index(fields=["bare", "owner"], name="alias_target_bare"),
            models.Index(fields=["domain", "owner"], name="alias_target_referring"),
            models.Index(fields=["unmatched", "domain", "owner"], name="alias_target_unmatched"),
            models.Index(
                fields=["unmatched", "owner", "domain", "alias"], name="alias_target_dead_ends"
            ),
        ]

    def __str__(self):
        return f"{self.alias} → {self.target}"

    def get_absolute_url(self):
        return page_of(self.alias, self.is_self_alias)
