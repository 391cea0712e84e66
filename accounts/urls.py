from django.urls import path

from accounts import activity, factor_views, second_step, views

# Keys may hold a slash in rows of other programs, hence "path"; the page of a row comes last.
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("login/second/", second_step.SecondStep.as_view(), name="second-step"),
    path("account/factor/", factor_views.OwnFactor.as_view(), name="own-factor"),
    path("account/factor/setup/", factor_views.FactorSetUp.as_view(), name="own-factor-setup"),
    path("account/factor/codes/", factor_views.NewCodes.as_view(), name="own-factor-codes"),
    path("account/factor/off/", factor_views.FactorOff.as_view(), name="own-factor-off"),
    path("exceptions/", factor_views.Exceptions.as_view(), name="factor-exceptions"),
    path("preferences/", views.preferences, name="preferences"),
    path("session/", views.session_left, name="session-left"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("administrators/", views.AdminList.as_view(), name="admin-list"),
    path("administrators/bulk/", views.AdminBulk.as_view(), name="admin-bulk"),
    path("administrators/new/", views.AdminCreate.as_view(), name="admin-create"),
    path("administrators/<path:pk>/edit/", views.AdminEdit.as_view(), name="admin-edit"),
    path(
        "administrators/<path:pk>/password/", views.AdminPassword.as_view(), name="admin-password"
    ),
    path("administrators/<path:pk>/factor/", views.AdminFactor.as_view(), name="admin-factor"),
    path("administrators/<path:pk>/state/", views.AdminState.as_view(), name="admin-state"),
    path("administrators/<path:pk>/delete/", views.AdminDelete.as_view(), name="admin-delete"),
    path("administrators/<path:pk>/", views.AdminPage.as_view(), name="admin"),
    path("log/", activity.Log.as_view(), name="log"),
    path("log/days/", activity.LogDays.as_view(), name="log-days"),
    path("log/table/", activity.LogTable.as_view(), name="log-table"),
]
