from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from accounts.urls import urlpatterns as accounts
from aliases.urls import urlpatterns as aliases
from domains.urls import urlpatterns as domains
from mailadmin import api, disk_views, server_views, tasks, views
from mailadmin.deliveries.pages import Deliveries, OwnDeliveries
from mailadmin.file_import.pages import ImportColumns, ImportPage, ImportResult, Imports
from mailadmin.findings.pages import FindingsPage
from mailadmin.metrics import metrics
from mailadmin.reports.pages import DomainReports
from mailadmin.tracing.pages import TracePage
from mailboxes.own_alias_views import DomainOwnAddresses
from mailboxes.urls import urlpatterns as mailboxes

handler404 = "mailadmin.views.page_not_found"
handler500 = "mailadmin.views.server_error"


ASKED_MOST = ("domains", "mailboxes", "aliases", "account", "log", "search")


def by_first_word(patterns):
    """``patterns`` in a resolver for each first word of their paths: Django tries one after the other, and has far fewer to try."""
    found = {word: [] for word in ASKED_MOST}
    for pattern in patterns:
        word, _slash, rest = str(pattern.pattern).partition("/")
        moved = path(rest, pattern.callback, pattern.default_args, pattern.name)
        found.setdefault(word, []).append(moved)
    return [path(f"{word}/", include(below)) for word, below in found.items()]


own = [
    path("search/", views.Search.as_view(), name="search"),
    path("trace/", TracePage.as_view(), name="trace"),
    path("deliveries/", Deliveries.as_view(), name="deliveries"),
    path("account/deliveries/", OwnDeliveries.as_view(), name="own-deliveries"),
    path("account/", views.Account.as_view(), name="account"),
    path("server/", server_views.ServerPage.as_view(), name="server"),
    path("server/disk/", disk_views.DiskPage.as_view(), name="server-disk"),
    path("findings/", FindingsPage.as_view(), name="findings"),
    path("imports/", Imports.as_view(), name="imports"),
    path("imports/<str:pk>/", ImportPage.as_view(), name="import"),
    path("imports/<str:pk>/columns/", ImportColumns.as_view(), name="import-columns"),
    path("imports/<str:pk>/result/", ImportResult.as_view(), name="import-result"),
    path("tasks/<str:pk>/", tasks.TaskPage.as_view(), name="task"),
    path("tasks/<str:pk>/undo/", tasks.TaskUndo.as_view(), name="task-undo"),
    path("domains/<path:pk>/reports/", DomainReports.as_view(), name="domain-reports"),
    path(
        "domains/<path:pk>/own-addresses/",
        DomainOwnAddresses.as_view(),
        name="domain-own-addresses",
    ),
    path("language/", login_not_required(set_language), name="set_language"),
]
urlpatterns = [
    path("", views.Dashboard.as_view(), name="dashboard"),
    path("healthz", views.health, name="healthz"),
    path("metrics", metrics, name="metrics"),
    *by_first_word([*own, *accounts, *domains, *mailboxes, *aliases]),
    path("api/v1/docs", api.Documentation.as_view(), name="api-docs"),
    path("api/v1/", include((api.urls, "api"))),
]
