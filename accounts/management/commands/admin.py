from argparse import BooleanOptionalAction

from django.core.management.base import CommandError

from accounts.backends import row_named
from accounts.commands import PasswordMixin
from accounts.models import Admin
from accounts.services import (
    create_admin,
    delete_admin,
    known_domains,
    set_admin_password,
    update_admin,
)
from panel.addresses import display_address, lookup_key
from panel.commands import RowCommand
from panel.output import Field
from panel.scoping import starts_with_name


class Command(PasswordMixin, RowCommand):
    help = "Create, list, show, change and delete administrators."
    noun = "administrator"
    verbs = {
        "add": "Create an administrator. The password is asked for, or read from standard input.",
        "list": "List administrators. In a pipe: tab-separated login name, superadmin, active.",
        "show": "Show one administrator.",
        "edit": "Change an administrator.",
        "delete": "Delete an administrator. The last superadmin stays.",
        "password": "Set a new password, asked for or read from standard input.",
    }
    fields = [
        Field("Login name", "username", display_address),
        Field("Superadmin", "superadmin"),
        Field("Active", "active"),
        Field("Domains", "domains", listed=False),
        Field("Phone", "phone", listed=False),
        Field("Other address", "email_other", listed=False),
        Field("Created", "created", listed=False),
        Field("Changed", "modified", listed=False),
    ]
    words = {"email_other": "email-other"}

    # --- Options

    def options_for_add(self, parser):
        self._username(parser)
        parser.add_argument(
            "--superadmin", action="store_true", help="May do everything, in every domain."
        )
        parser.add_argument("--domains", nargs="+", metavar="DOMAIN", help="Domains to manage.")
        parser.add_argument(
            "--inactive", action="store_false", dest="active", help="Create it inactive."
        )
        self._contact(parser)
        self.password_option(parser)

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument(
            "--superadmins", action="store_true", help="Only those who may do everything."
        )
        parser.add_argument("--domain", metavar="DOMAIN", help="Only those who manage DOMAIN.")

    def options_for_show(self, parser):
        self._username(parser)
        self.json_option(parser)

    def options_for_edit(self, parser):
        self._username(parser)
        parser.add_argument(
            "--superadmin",
            action=BooleanOptionalAction,
            help="May do everything, in every domain.",
        )
        parser.add_argument(
            "--domains", nargs="*", metavar="DOMAIN", help="Manage these, and no others."
        )
        self.active_options(parser)
        self._contact(parser)

    def options_for_delete(self, parser):
        self._username(parser)
        super().options_for_delete(parser)

    def options_for_password(self, parser):
        self._username(parser)
        self.password_option(parser)
        self.json_option(parser)

    def _username(self, parser):
        parser.add_argument(
            "username", metavar="LOGIN", help="The login name, written like an address."
        )

    def _contact(self, parser):
        parser.add_argument("--phone", metavar="TEXT", help="A phone number.")
        parser.add_argument("--email-other", metavar="ADDRESS", help="Another address of theirs.")
        self.json_option(parser)

    # --- Verbs

    def add(self, *, username, superadmin, domains, active, generate, json, **options):
        if not superadmin and not domains:
            raise CommandError("Say what to manage: --domains example.org, or --superadmin.")
        password = self.ask_password(generate)
        admin = create_admin(
            actor=None,
            username=username,
            password=password,
            superadmin=superadmin,
            domains=domains or [],
            active=active,
            **self.given(options, "phone", "email_other"),
        )
        self.report("Created", admin, json=json, password=password if generate else None)

    def list(self, *, superadmins, domain, search, active, json, **options):
        rows = Admin.objects.all()
        if active is not None:
            rows = rows.filter(active=active)
        if superadmins:
            rows = rows.filter(superadmin=True)
        if domain:
            links = Admin.domains.through.objects.filter(domain__in=known_domains([domain]))
            rows = rows.filter(pk__in=links.values("username"))
        if search:
            rows = rows.filter(starts_with_name(search))
        self.print_list(rows, "pk", json=json)

    def show(self, *, username, json, **options):
        self.print_one(self._admin(username), json=json)

    def edit(self, *, username, json, **options):
        fields = self.changes(options, "superadmin", "domains", "active", "phone", "email_other")
        admin = update_admin(actor=None, admin=self._admin(username), **fields)
        self.report("Changed", admin, json=json)

    def delete(self, *, username, yes, json, **options):
        admin = self._admin(username)
        self.confirm_delete(admin.pk, self._consequences(admin), yes)
        with self.deleting(admin, json=json):
            delete_admin(actor=None, admin=admin)

    def password(self, *, username, generate, json, **options):
        admin = self._admin(username)
        password = self.ask_password(generate)
        admin = set_admin_password(actor=None, admin=admin, password=password)
        self.report("New password for", admin, json=json, password=password if generate else None)

    # --- Rows

    def _admin(self, text):
        rows = Admin.objects.all()
        return row_named(rows, text) or self.find(
            rows, lookup_key(text), "Is the login name right?"
        )

    def _consequences(self, admin):
        yield "A superadmin." if admin.superadmin else "Not a superadmin."
        if admin.domain_names:
            names = ", ".join(admin.domain_names[:10])
            more = len(admin.domain_names) - 10
            yield f"Manages {names}{f' and {more} more' if more > 0 else ''}. The domains stay."

    def record(self, admin):
        return {
            "username": admin.username,
            "superadmin": admin.superadmin,
            "active": admin.active,
            "phone": admin.phone,
            "email_other": admin.email_other,
            "created": admin.created,
            "modified": admin.modified,
        }

    def details(self, admin):
        return {"domains": list(admin.assigned)}
