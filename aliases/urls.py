from django.urls import path

from aliases import bulk, views

urlpatterns = [
    path("aliases/", views.AliasList.as_view(), name="alias-list"),
    path("aliases/bulk/", bulk.AliasBulk.as_view(), name="alias-bulk"),
    path("aliases/<path:pk>/edit/", views.AliasEdit.as_view(), name="alias-edit"),
    path("aliases/<path:pk>/rename/", views.AliasRename.as_view(), name="alias-rename"),
    path("aliases/<path:pk>/state/", views.AliasState.as_view(), name="alias-state"),
    path("aliases/<path:pk>/delete/", views.AliasDelete.as_view(), name="alias-delete"),
    path("aliases/<path:pk>/", views.AliasPage.as_view(), name="alias"),
]
