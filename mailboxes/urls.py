from django.urls import path

from mailboxes import address_bulk, bulk, new_address, own, views, webmail

urlpatterns = [
    path("account/forwarding/", own.OwnForwarding.as_view(), name="own-forwarding"),
    path("account/away/", own.OwnAway.as_view(), name="own-away"),
    path("account/password/", own.OwnPassword.as_view(), name="own-password"),
    path("account/room/", own.OwnRoom.as_view(), name="own-room"),
    path("account/setup/", own.OwnSetup.as_view(), name="own-setup"),
    path("webmail/identities/", webmail.identities, name="webmail-identities"),
    path("webmail/password/", webmail.password, name="webmail-password"),
    path("mailboxes/", views.MailboxList.as_view(), name="mailbox-list"),
    path("mailboxes/new/", new_address.NewAddress.as_view(), name="mailbox-create"),
    path("aliases/new/", new_address.NewAlias.as_view(), name="alias-create"),
    path("addresses/suggestions/", new_address.address_suggestions, name="address-suggestions"),
    path("addresses/preview/", new_address.address_preview, name="address-preview"),
    path("mailboxes/bulk/", bulk.MailboxBulk.as_view(), name="mailbox-bulk"),
    path("addresses/bulk/", address_bulk.AddressBulk.as_view(), name="address-bulk"),
    path("mailboxes/<path:pk>/edit/", views.MailboxEdit.as_view(), name="mailbox-edit"),
    path("mailboxes/<path:pk>/rename/", views.MailboxRename.as_view(), name="mailbox-rename"),
    path(
        "mailboxes/<path:pk>/forwarding/",
        views.MailboxForwarding.as_view(),
        name="mailbox-forwarding",
    ),
    path("mailboxes/<path:pk>/away/", views.MailboxAway.as_view(), name="mailbox-away"),
    path("mailboxes/<path:pk>/password/", views.MailboxPassword.as_view(), name="mailbox-password"),
    path("mailboxes/<path:pk>/sessions/", views.MailboxSessions.as_view(), name="mailbox-sessions"),
    path("mailboxes/<path:pk>/factor/", views.MailboxFactor.as_view(), name="mailbox-factor"),
    path("mailboxes/<path:pk>/state/", views.MailboxState.as_view(), name="mailbox-state"),
    path("mailboxes/<path:pk>/delete/", views.MailboxDelete.as_view(), name="mailbox-delete"),
    path("mailboxes/<path:pk>/", views.MailboxPage.as_view(), name="mailbox"),
]
