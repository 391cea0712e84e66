"""The only place where the apps' addresses meet."""

from django.urls import include, path

from mailadmin import views

urlpatterns = [
    path("", views.Dashboard.as_view(), name="dashboard"),
    path("search/", views.Search.as_view(), name="search"),
    path("account/", views.Account.as_view(), name="account"),
    path("healthz", views.health, name="healthz"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("accounts.urls")),
    path("", include("domains.urls")),
    path("", include("mailboxes.urls")),
    path("", include("aliases.urls")),
]
