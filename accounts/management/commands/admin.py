from argparse import ArgumentTypeError, BooleanOptionalAction

from django.core.management.base import CommandError

from accounts import managers
from accounts.backends import row_named
from accounts.commands import (
    BudgetMixin,
    FactorMixin,
    InvitationMixin,
    PasswordMixin,
    TokenMixin,
)
from accounts.models import Admin
from accounts.reselling import BUDGET, counting_for
from accounts.roles import told_roles
from accounts.services import (
    create_admin,
    delete_admin,
    known_domains,
    set_admin_password,
    update_admin,
)
from panel import output
from panel.addresses import display_address, lookup_key
from panel.commands import RowCommand
from panel.formats import mb
from panel.output import STATE, Column, Field
from panel.rights import ROLES
from panel.scoping import starts_with_name


class Command(BudgetMixin, FactorMixin, TokenMixin, InvitationMixin, PasswordMixin, RowCommand):
    help = "Create, list, show and change administrators, switch them off and on, delete them."
    noun, nouns = "administrator", "administrators"
    key = ("LOGIN", "it@example.org")
    verbs = {
        "add": "Create an administrator. The password is asked for, or read from standard input.",
        "list": "List administrators. In a pipe: tab-separated login name, superadmin, on or off.",
        "show": "Show one administrator.",
        "edit": "Change administrators.",
        "off": "Switch administrators off: they cannot sign in. The last superadmin stays.",
        "on": "Switch administrators on.",
        "delete": "Delete administrators. The last superadmin stays.",
        "password": "Set a new password, asked for or read from standard input.",
        **FactorMixin.factor_verbs,
        **TokenMixin.token_verbs,
        **InvitationMixin.invitation_verbs,
    }
    columns = [
        Column("Login name", lambda record: display_address(record["username"])),
        Column("Role", lambda record: "superadmin" if record["superadmin"] else ""),
        Column("Other e-mail address", lambda record: record["email_other"], wide=True),
        STATE,
    ]
    piped = ("username", "superadmin", "active")
    fields = [
        Field("Login name", "username", display_address),
        Field("Signs in with the mailbox", "mailbox", display_address),
        Field("Superadmin", "superadmin"),
        Field("State", "active", output.state),
        Field("Domains", "domains"),
        Field("Roles there", "roles"),
        Field("Reseller", "reseller"),
        Field("Domains at most", "max_domains"),
        Field("Mailboxes at most", "max_mailboxes"),
        Field("Storage at most", "max_storage_mb", lambda value: mb(value) if value else "0"),
        Field("Domains that count", "resold"),
        Field("Second factor", "second_factor", output.state),
        Field("Must change the password", "must_change_password"),
        Field("Phone", "phone"),
        Field("Other e-mail address", "email_other"),
        Field("Created", "created"),
        Field("Changed", "modified"),
    ]
    words = {
        "username": "E-mail address",
        "email_other": "Other e-mail address",
        "resold": "Domains that count",
        "mailbox": "Mailbox",
    }

    # --- Options

    def options_for_add(self, parser):
        self.name_option(parser)
        parser.add_argument(
            "--superadmin", action="store_true", help="May do everything, in every domain."
        )
        parser.add_argument(
            "--by-mailbox",
            metavar="ADDRESS",
            help="Has no password: the user of this mailbox, who signs in there and manages its domain.",
        )
        parser.add_argument("--domains", nargs="+", metavar="DOMAIN", help="Domains to manage.")
        self._role(parser)
        self.budget_options(parser)
        self.off_option(parser)
        self._contact(parser)
        self.must_change_option(parser)
        self.invite_option(self.password_option(parser))

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument(
            "--superadmins", action="store_true", help="Only those who may do everything."
        )
        parser.add_argument("--domain", metavar="DOMAIN", help="Only those who manage DOMAIN.")

    def options_for_edit(self, parser):
        self.names_option(parser)
        parser.add_argument(
            "--superadmin",
            action=BooleanOptionalAction,
            help="May do everything, in every domain.",
        )
        parser.add_argument(
            "--domains", nargs="*", metavar="DOMAIN", help="Manage these, and no others."
        )
        self._role(parser)
        self.budget_options(parser)
        self._contact(parser)
        self.must_change_option(parser)

    def options_for_password(self, parser):
        self.name_option(parser)
        self.password_option(parser)
        self.must_change_option(parser)
        self.json_option(parser)

    def _role(self, parser):
        parser.add_argument(
            "--role",
            nargs="+",
            metavar="DOMAIN=ROLE",
            dest="roles",
            type=role_in_domain,
            help=f"What may be done in a domain: {', '.join(ROLES)}. Without it everything.",
        )

    def _contact(self, parser):
        parser.add_argument("--phone", metavar="TEXT", help="A phone number.")
        parser.add_argument("--email-other", metavar="ADDRESS", help="Another address of theirs.")
        self.json_option(parser)

    # --- Verbs

    def add(
        self,
        *,
        name_given,
        superadmin,
        by_mailbox,
        domains,
        roles,
        active,
        generate,
        invite,
        json,
        **options,
    ):
        if not (superadmin or domains or options["reseller"] or by_mailbox):
            text = "Say what to manage: --domains example.org, or --superadmin, --reseller or --by-mailbox."
            raise CommandError(text)
        if by_mailbox and (generate or invite):
            raise CommandError("With --by-mailbox there is no password: leave --generate and --invite out.")  # fmt: skip
        password = None if by_mailbox else self.password_for_new(generate, invite)
        admin = create_admin(
            actor=None,
            username=name_given,
            password=password,
            mailbox=by_mailbox,
            superadmin=superadmin,
            domains=domains or [],
            roles=dict(roles or ()),
            active=active,
            **self.given(options, "phone", "email_other", "must_change"),
            **self.budget_given(options),
        )
        link = self.link_for(admin) if invite else None
        self.report("Created", admin, json=json, password=password if generate else None, link=link)

    def list(self, *, superadmins, domain, search, active, json, **options):
        rows = Admin.objects.all()
        if active is not None:
            rows = rows.filter(active=active)
        if superadmins:
            rows = rows.superadmins()
        if domain:
            links = Admin.domains.through.objects.filter(domain__in=known_domains([domain]))
            rows = rows.filter(pk__in=links.values("username"))
        if search:
            rows = rows.filter(starts_with_name(search))
        self.print_list(rows, "pk", json=json)

    def edit(self, *, names, json, **options):
        names_of_fields = ("superadmin", "domains", "roles", "phone", "email_other", "must_change")
        fields = self.changes(options, *names_of_fields, *BUDGET, "resold")
        fields |= self.budget_given(options)
        if "roles" in fields:
            fields["given"] = dict(fields.pop("roles"))

        def one(name, say):
            admin = update_admin(actor=None, admin=self.named(name), **fields)
            self.report("Changed", admin, say=say, json=json)

        self.each(names, one, done="changed", json=json)

    def password(self, *, name_given, generate, must_change, json, **options):
        admin = self.named(name_given)
        managers.refuse_mailbox_sign_in(admin)
        password = self.ask_password(generate)
        admin = set_admin_password(
            actor=None, admin=admin, password=password, must_change=bool(must_change)
        )
        self.report("New password for", admin, json=json, password=password if generate else None)

    # --- Rows

    def named(self, text):
        rows = Admin.objects.all()
        return row_named(rows, text) or self.find(
            rows, lookup_key(text), "Is the login name right?"
        )

    def switch(self, admin, active):
        return update_admin(actor=None, admin=admin, active=active)

    def remove(self, admin, **options):
        delete_admin(actor=None, admin=admin)

    def consequences(self, admin, **options):
        yield f"{admin} is a superadmin." if admin.is_superadmin else f"{admin} is no superadmin."
        if admin.domain_names:
            names = ", ".join(admin.domain_names[:10])
            more = len(admin.domain_names) - 10
            yield f"Manages {names}{f' and {more} more' if more > 0 else ''}. The domains stay."

    def record(self, admin):
        return {
            "username": admin.username,
            "mailbox": admin.mailbox,
            "superadmin": admin.is_superadmin,
            "active": admin.active,
            "reseller": admin.is_reseller,
            "max_domains": admin.max_domains,
            "max_mailboxes": admin.max_mailboxes,
            "max_storage_mb": admin.max_storage,
            "second_factor": admin.has_second_factor,
            "must_change_password": admin.must_change,
            "phone": admin.phone,
            "email_other": admin.email_other,
            "created": admin.created,
            "modified": admin.modified,
        }

    def details(self, admin):
        return {
            "domains": list(admin.assigned if admin.has_own_sign_in else admin.domain_names),
            "roles": told_roles(admin.domain_roles),
            "resold": counting_for(admin),
        }


def role_in_domain(text):
    domain, _equals, role = text.partition("=")
    if role not in ROLES:
        text = f"{text!r}: write DOMAIN=ROLE, with one of {', '.join(ROLES)}."
        raise ArgumentTypeError(text)
    return domain, role
