from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from mailadmin import disk_views, server_views, tasks, views
from mailadmin.deliveries.pages import Deliveries, OwnDeliveries
from mailadmin.findings.pages import FindingsPage
from mailadmin.metrics import metrics
from mailadmin.reports.pages import DomainReports
from mailadmin.tracing.pages import TracePage

handler404 = "mailadmin.views.page_not_found"
handler500 = "mailadmin.views.server_error"

urlpatterns = [
    path("", views.Dashboard.as_view(), name="dashboard"),
    path("search/", views.Search.as_view(), name="search"),
    path("trace/", TracePage.as_view(), name="trace"),
    path("deliveries/", Deliveries.as_view(), name="deliveries"),
    path("account/deliveries/", OwnDeliveries.as_view(), name="own-deliveries"),
    path("account/", views.Account.as_view(), name="account"),
    path("server/", server_views.ServerPage.as_view(), name="server"),
    path("server/disk/", disk_views.DiskPage.as_view(), name="server-disk"),
    path("findings/", FindingsPage.as_view(), name="findings"),
    path("tasks/<str:pk>/", tasks.TaskPage.as_view(), name="task"),
    path("tasks/<str:pk>/undo/", tasks.TaskUndo.as_view(), name="task-undo"),
    path("domains/<path:pk>/reports/", DomainReports.as_view(), name="domain-reports"),
    path("healthz", views.health, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("", include("accounts.urls")),
    path("", include("domains.urls")),
    path("", include("mailboxes.urls")),
    path("", include("aliases.urls")),
]
