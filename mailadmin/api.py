"""The API /api/v1: the apps' operations together, their description (OpenAPI 3.1), and its page for people."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.views.generic import TemplateView
from ninja import NinjaAPI

from accounts import api as accounts
from accounts import log_api
from accounts import token_api as tokens
from accounts import webhook_api as webhooks
from accounts.api_auth import Token
from aliases import api as aliases
from domains import alias_domain_api as alias_domains
from domains import api as domains
from domains import dns_api as dns
from domains import routing_api as routing
from domains import sender_api as senders
from mailadmin.deliveries import api as deliveries
from mailadmin.file_import import api as imports
from mailadmin.tracing import api as tracing
from mailboxes import api as mailboxes
from mailboxes import deleted_api as deleted
from mailboxes import ending_api as endings
from mailboxes import fetch_api as fetching
from mailboxes import forwarding_api as forwarding
from mailboxes import joining_api as joining
from mailboxes import own_alias_api as own_aliases
from mailboxes import sharing_api as sharing
from mailboxes import sign_in_api as sign_ins
from mailboxes import usage_api
from panel.api import described, problems

VERSION = "1"
DESCRIPTION = (
    "Domains, mailboxes and aliases of this mail server. Each request carries an API token of an account, and can do what that"
    " account can do on the pages, as far as the token allows. Sentences come in the language of Accept-Language."
)


class PanelAPI(NinjaAPI):
    def get_openapi_schema(self, *, path_prefix=None, path_params=None):
        # Anybody may ask for it, and it takes a while: it is put together once.
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._described:
            found = super().get_openapi_schema(path_prefix=prefix)
            self._described[prefix] = described.completed(found, self.rights)
        return self._described[prefix]

    @cached_property
    def _described(self):
        return {}

    @cached_property
    def rights(self):
        """{operationId: the right that it needs}."""
        found = {}
        for router in self._get_bound_routers():
            for view in router.path_operations.values():
                for operation in view.operations:
                    needed = operation.auth_callbacks[0].right
                    found[self.get_openapi_operation_id(operation)] = needed
        return found

    def get_openapi_operation_id(self, operation):
        return operation.view_func.__name__


api = PanelAPI(
    title="mailadmin",
    version=VERSION,
    description=DESCRIPTION,
    docs_url=None,
    urls_namespace="api",
    auth=Token("none"),  # of an operation that names no right: nobody has it
)
problems.register(api)
# What is below a row stands before it: an address in the path may have slashes.
for router in (
    *(tokens.router, webhooks.router, own_aliases.router),
    *(routing.router, senders.router, dns.router),
    *(joining.router, domains.router, alias_domains.router, endings.router, forwarding.router),
    *(fetching.router, sign_ins.router, mailboxes.router, sharing.router, aliases.router),
    *(imports.router, usage_api.router, deliveries.router, tracing.router, log_api.router),
    *(sign_ins.networks, accounts.router, deleted.router),
):
    api.add_router("", router)

urls, _app, _namespace = api.urls
for pattern in urls:
    # Who asks is decided by the token of each operation, not by a session.
    pattern.callback.login_required = False


@method_decorator(login_not_required, name="dispatch")
class Documentation(TemplateView):
    http_method_names = ["get", "head", "options"]
    template_name = "api/docs.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        schema = api.get_openapi_schema(path_prefix="/api/v1/")
        return super().get_context_data(
            groups=described.for_people(schema),
            problems=problems.NAMES.items(),
            panel=settings.PANEL_URL.rstrip("/") or f"https://{settings.MAIL_HOSTNAME}",
            language=get_language(),
            **kwargs,
        )
