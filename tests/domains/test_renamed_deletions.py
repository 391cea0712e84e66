"""What the bin gives back after a domain got another name: all that was the domain's, at its new addresses, and nothing of others."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aliases.models import Alias
from aliases.services import delete_alias, update_alias
from domains.models import AliasDomain, Copy, Domain
from domains.renaming import rename_domain
from domains.services import create_alias_domain, delete_domain
from mailboxes.models import Deleted, Mailbox, SendAs, Share
from mailboxes.restoring import restore
from mailboxes.services import delete_mailbox

pytestmark = pytest.mark.django_db

OLD, NEW, ANN, BOB = "old.example", "new.example", "ann@old.example", "bob@other.example"


@pytest.fixture
def old(add_domain):
    add_domain("other.example")
    return add_domain(OLD)


@pytest.fixture
def ann(old, add_mailbox):
    return add_mailbox(ANN)


@pytest.fixture
def bob(old, add_mailbox):
    return add_mailbox(BOB)


def renamed(name=NEW, **options):
    return rename_domain(actor=None, domain=Domain.objects.get(pk=OLD), name=name, **options)


def restored(name):
    return restore(actor=None, deletion=Deleted.objects.get(name=name))


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def made_long_ago():
    for model in (Domain, Mailbox, Alias):
        model.objects.update(created=days_ago(100))


def deleted_domain_of_the_new_name(add_domain):
    delete_domain(actor=None, domain=add_domain(NEW))


# --- What is the domain's own


def test_what_was_deleted_before_a_domain_of_the_new_name_was_comes_back(
    old, add_domain, add_mailbox, make_admin
):
    made_long_ago()
    delete_mailbox(actor=None, mailbox=add_mailbox(f"zoe@{OLD}"))
    Deleted.objects.update(at=days_ago(3))
    until = Deleted.objects.get().until
    deleted_domain_of_the_new_name(add_domain)

    renamed()

    assert Deleted.objects.get(name=f"zoe@{NEW}").until == until
    boss = make_admin(domains=[NEW])
    assert [one.name for one in Deleted.objects.manageable_by(boss)] == [f"zoe@{NEW}"]
    assert restored(f"zoe@{NEW}").pk == f"zoe@{NEW}"


def test_what_others_shared_with_it_then_does_not_for_they_may_be_somebody_else_now(
    ann, add_domain, add_mailbox, add_alias
):
    zoe = add_mailbox(f"zoe@{OLD}")
    made_long_ago()
    Share.objects.create(owner=ANN, person=zoe.pk)
    add_alias(f"both@{OLD}", zoe.pk, ANN)
    delete_mailbox(actor=None, mailbox=zoe, clean=Alias.objects.all())
    Deleted.objects.update(at=days_ago(3))
    deleted_domain_of_the_new_name(add_domain)

    renamed()

    restored(f"zoe@{NEW}")
    assert not Share.objects.exists()
    assert Alias.objects.get(pk=f"both@{NEW}").goto == f"ann@{NEW}"


# --- What others have that leads to it


@pytest.mark.parametrize("keep_alias", [True, False])
def test_whoever_shared_with_it_does_so_again(ann, bob, add_alias, keep_alias):
    add_alias(f"list@{OLD}", ANN, BOB)
    SendAs.objects.create(username=BOB, sender=ANN)
    Share.objects.create(owner=ANN, person=BOB)
    Mailbox.objects.filter(pk=BOB).update(email_other=ANN)
    delete_mailbox(actor=None, mailbox=bob, clean=Alias.objects.all())

    renamed(keep_alias=keep_alias)

    assert restored(BOB).email_other == f"ann@{NEW}"
    assert Alias.objects.get(pk=f"list@{NEW}").goto == f"ann@{NEW},{BOB}"
    assert [(row.username, row.sender) for row in SendAs.objects.all()] == [(BOB, f"ann@{NEW}")]
    assert [(row.owner, row.person) for row in Share.objects.all()] == [(f"ann@{NEW}", BOB)]


def test_an_alias_of_another_domain_leads_to_the_new_addresses(ann, add_alias):
    alias = add_alias("sales@other.example", "ANN@Old.Example", f"ann@sub.{OLD}")
    update_alias(actor=None, alias=alias, access="moved", access_text=ANN)
    delete_alias(actor=None, alias=alias)

    renamed(keep_alias=False)

    back = restored("sales@other.example")
    assert (back.goto, back.access_text) == (f"ann@{NEW},ann@sub.{OLD}", f"ann@{NEW}")


def test_a_domain_that_was_an_alias_domain_of_it_leads_to_the_new_name(ann, add_domain):
    twin = add_domain("twin.example", description=f"leads to {OLD}")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=Domain.objects.get(pk=OLD))
    delete_domain(actor=None, domain=twin)

    renamed()

    assert restored("twin.example").description == f"leads to {OLD}"
    assert AliasDomain.objects.get(pk="twin.example").target_domain_id == NEW


def test_what_was_deleted_before_the_domain_was_there_means_another(old, add_alias):
    delete_alias(actor=None, alias=add_alias("sales@other.example", ANN))
    Deleted.objects.update(at=days_ago(3))

    renamed()

    Domain.objects.update(created=days_ago(100))
    assert restored("sales@other.example").goto == ANN


# --- What was another domain's of the new name


def test_what_was_shared_with_mailboxes_of_another_domain_is_not_with_those_of_the_same_name(
    ann, bob, add_domain, add_mailbox, add_alias
):
    former = add_domain(NEW)
    add_mailbox(f"ann@{NEW}")
    add_alias(f"sales@{NEW}", f"ann@{NEW}", BOB)
    add_alias(f"sales@{OLD}", ANN)
    made_long_ago()
    Share.objects.create(owner=f"ann@{NEW}", person=BOB)
    SendAs.objects.create(username=BOB, sender=f"ann@{NEW}")
    Copy.objects.create(domain="other.example", direction="to", address=BOB, goto=f"ann@{NEW}")
    delete_mailbox(actor=None, mailbox=bob, clean=Alias.objects.all())
    delete_domain(actor=None, domain=former)
    Deleted.objects.update(at=days_ago(1))

    renamed()

    restored(BOB)
    assert not Share.objects.exists()
    assert not SendAs.objects.exists()
    assert not Copy.objects.exists()
    assert Alias.objects.get(pk=f"sales@{NEW}").goto == f"ann@{NEW}"
