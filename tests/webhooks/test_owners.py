"""Of what happens, an owner is told what is theirs to see when it is sent."""

from datetime import timedelta

from django.db import connection

from accounts import webhooks
from accounts.models import Webhook, WebhookAnswer
from accounts.services import create_admin, delete_admin, update_admin
from domains.services import delete_domain
from mailboxes.services import delete_mailbox, set_mailbox_active
from tests.webhooks.conftest import run


def test_nothing_of_another_domain_is_told(hook, receiver, other_net, add_mailbox):
    add_mailbox("joe@other.net")
    add_mailbox("ann@example.org")

    assert run() == 1
    assert receiver.objects == ["ann@example.org"]


def test_what_the_owner_manages_no_more_is_not_told(hook, admin, receiver, add_mailbox):
    add_mailbox("ann@example.org")
    update_admin(actor=None, admin=admin, domains=[])

    assert run() == 0
    assert receiver.got == []


def test_a_demoted_superadmin_is_told_of_own_domains_alone(
    root, make_admin, receiver, example_org, other_net, add_mailbox
):
    make_admin("other@example.org", superadmin=True)
    webhooks.create_webhook(actor=root, url=receiver.url, events=["mailbox"])
    add_mailbox("ann@example.org")
    run()
    update_admin(actor=None, admin=root, superadmin=False, domains=["other.net"])
    add_mailbox("eve@example.org")
    add_mailbox("joe@other.net")

    run()

    assert receiver.objects == ["ann@example.org", "joe@other.net"]


def test_only_superadmins_are_told_of_administrators(root, admin, make_receiver):
    mine, theirs = make_receiver(), make_receiver()
    webhooks.create_webhook(actor=root, url=mine.url, events=["admin"])
    webhooks.create_webhook(actor=admin, url=theirs.url, events=["admin"])
    create_admin(actor=root, username="new@example.org", password="marmalade-9-tricycle")

    run()

    assert mine.types == ["create_webhook", "create_webhook", "create_admin"]
    assert theirs.got == []


def test_an_owner_who_is_off_is_told_nothing(hook, admin, receiver, add_mailbox):
    add_mailbox("ann@example.org")
    update_admin(actor=None, admin=admin, active=False)

    run()

    assert receiver.got == []


def test_with_the_owner_the_webhook_goes(hook, admin, receiver, add_mailbox):
    add_mailbox("ann@example.org")
    delete_admin(actor=None, admin=admin)

    assert run() == 0
    assert not Webhook.objects.exists()
    assert receiver.got == []


def test_with_an_owner_whom_another_program_deletes_it_goes_too(
    hook, admin, root, receiver, make_admin, add_mailbox
):
    """Also if it makes another account of the same name."""
    webhooks.create_webhook(actor=root, url=receiver.url, events=["alias"])
    webhooks.ask_for_test(webhook=hook)
    add_mailbox("ann@example.org")
    with connection.cursor() as cursor:
        for table in ("domain_admins", "admin"):
            cursor.execute(f"DELETE FROM {table} WHERE username = %s", [admin.pk])

    assert run() == 0
    assert [row.owner for row in Webhook.objects.all()] == [root.pk]
    assert not WebhookAnswer.objects.exists()

    make_admin(admin.pk, domains=["example.org"])
    assert run() == 0
    assert receiver.got == []


def test_an_account_that_another_program_made_later_is_somebody_else(
    hook, admin, receiver, add_mailbox
):
    add_mailbox("ann@example.org")
    Webhook.objects.update(made=admin.created - timedelta(days=2))

    assert run() == 0
    assert receiver.got == []
    assert not Webhook.objects.of(admin).exists()


def test_a_mailbox_of_the_same_name_takes_nothing_with_it(hook, add_mailbox):
    delete_mailbox(actor=None, mailbox=add_mailbox("it@example.org"))

    assert Webhook.objects.exists()


def test_a_webhook_of_some_domains_is_told_of_them_alone(
    root, receiver, example_org, other_net, add_mailbox
):
    webhooks.create_webhook(
        actor=root, url=receiver.url, events=["create_mailbox"], domains="other.net"
    )
    add_mailbox("ann@example.org")
    set_mailbox_active(actor=None, mailbox=add_mailbox("joe@other.net"), active=False)

    assert run() == 1
    assert receiver.objects == ["joe@other.net"]


def test_a_deleted_domain_is_told_to_superadmins(root, admin, make_receiver, example_org):
    mine, theirs = make_receiver(), make_receiver()
    webhooks.create_webhook(actor=root, url=mine.url, events=["domain"])
    webhooks.create_webhook(actor=admin, url=theirs.url, events=["domain"])
    delete_domain(actor=root, domain=example_org)

    run()

    assert mine.types == ["delete_domain"]
    assert theirs.got == []
