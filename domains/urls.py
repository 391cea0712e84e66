from django.urls import path

from domains import (
    alias_domain_views,
    checklist,
    copy_views,
    dkim_views,
    dns_views,
    flow_views,
    page,
    places,
    rename_views,
    sender_views,
    setup_views,
    views,
)
from mailboxes.joining_views import DomainJoin
from mailboxes.new_address import NewAddress

urlpatterns = [
    path("domains/", views.DomainList.as_view(), name="domain-list"),
    path("domains/new/", views.DomainCreate.as_view(), name="domain-create"),
    path("domains/bulk/", views.DomainBulk.as_view(), name="domain-bulk"),
    path("domains/suggestions/", places.domain_suggestions, name="domain-suggestions"),
    path("domains/options/", places.domain_options, name="domain-options"),
    path("domains/places/", places.domain_places, name="domain-places"),
    path("domains/<path:pk>/dkim/", dkim_views.DKIMPage.as_view(), name="domain-dkim"),
    path("domains/<path:pk>/dkim/new/", dkim_views.DKIMCreate.as_view(), name="domain-dkim-create"),
    path("domains/<path:pk>/dkim/sign/", dkim_views.DKIMSign.as_view(), name="domain-dkim-sign"),
    path(
        "domains/<path:pk>/dkim/delete/",
        dkim_views.DKIMDelete.as_view(),
        name="domain-dkim-delete",
    ),
    path("domains/<path:pk>/new/", NewAddress.as_view(), name="domain-new-address"),
    path("domains/<path:pk>/settings/", views.DomainSettings.as_view(), name="domain-settings"),
    path("domains/<path:pk>/flow/", flow_views.DomainFlow.as_view(), name="domain-flow"),
    path(
        "domains/<path:pk>/flow/delivery/",
        flow_views.DomainDelivery.as_view(),
        name="domain-delivery",
    ),
    path("domains/<path:pk>/flow/relay/", flow_views.DomainRelay.as_view(), name="domain-relay"),
    path("domains/<path:pk>/flow/copy/", copy_views.DomainCopy.as_view(), name="domain-copy"),
    path(
        "domains/<path:pk>/flow/copy/remove/",
        copy_views.DomainCopyRemove.as_view(),
        name="domain-copy-remove",
    ),
    path(
        "domains/<path:pk>/flow/sender/", sender_views.DomainSender.as_view(), name="domain-sender"
    ),
    path(
        "domains/<path:pk>/flow/sender/remove/",
        sender_views.DomainSenderRemove.as_view(),
        name="domain-sender-remove",
    ),
    path("domains/<path:pk>/edit/", views.DomainEdit.as_view(), name="domain-edit"),
    path("domains/<path:pk>/rename/", rename_views.DomainRename.as_view(), name="domain-rename"),
    path("domains/<path:pk>/state/", views.DomainState.as_view(), name="domain-state"),
    path(
        "domains/<path:pk>/checklist/", checklist.DomainChecklist.as_view(), name="domain-checklist"
    ),
    path("domains/<path:pk>/join/", DomainJoin.as_view(), name="domain-join"),
    path("domains/<path:pk>/delete/", views.DomainDelete.as_view(), name="domain-delete"),
    path("domains/<path:pk>/dns/", dns_views.DomainDNSPage.as_view(), name="domain-dns"),
    path("domains/<path:pk>/dns/zone/", dns_views.DomainZone.as_view(), name="domain-dns-zone"),
    path(
        "domains/<path:pk>/dns/publish/",
        dns_views.DomainDNSPublish.as_view(),
        name="domain-dns-publish",
    ),
    path("domains/<path:pk>/", page.DomainPage.as_view(), name="domain"),
    path("setup/<str:domain>/autoconfig.xml", setup_views.autoconfig, name="autoconfig"),
    path("setup/<str:domain>/apple.mobileconfig", setup_views.apple_profile, name="apple-profile"),
    path(
        "setup/<str:domain>/user-agent-configuration.json",
        setup_views.user_agent_configuration,
        name="user-agent-configuration",
    ),
    path("setup/autodiscover.xml", setup_views.autodiscover, name="autodiscover"),
    path("setup/<str:domain>/mta-sts.txt", dns_views.mta_sts, name="mta-sts"),
    path("server/senders/", sender_views.SenderRules.as_view(), name="server-senders"),
    path("dns/", dns_views.HostDNSPage.as_view(), name="dns-host"),
    path("alias-domains/", alias_domain_views.AliasDomainList.as_view(), name="aliasdomain-list"),
    path(
        "alias-domains/bulk/", alias_domain_views.AliasDomainBulk.as_view(), name="aliasdomain-bulk"
    ),
    path(
        "alias-domains/new/",
        alias_domain_views.AliasDomainCreate.as_view(),
        name="aliasdomain-create",
    ),
    path(
        "alias-domains/<path:pk>/edit/",
        alias_domain_views.AliasDomainEdit.as_view(),
        name="aliasdomain-edit",
    ),
    path(
        "alias-domains/<path:pk>/own/",
        alias_domain_views.AliasDomainOwn.as_view(),
        name="aliasdomain-own",
    ),
    path(
        "alias-domains/<path:pk>/state/",
        alias_domain_views.AliasDomainState.as_view(),
        name="aliasdomain-state",
    ),
    path(
        "alias-domains/<path:pk>/delete/",
        alias_domain_views.AliasDomainDelete.as_view(),
        name="aliasdomain-delete",
    ),
]
