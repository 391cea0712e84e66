import pytest
from django.utils import timezone

from domains.models import Domain
from panel.prepared import (
    in_scope,
    padded,
    prepared,
    prepared_counts,
    prepared_deletion,
    prepared_union,
)

pytestmark = pytest.mark.django_db


@prepared
def named(*names):
    return Domain.objects.select_related("usage").filter(pk__in=names).order_by("-pk")


def test_a_prepared_statement_answers_for_any_number_of_values(
    add_domain, django_assert_num_queries
):
    for name in ("a.example", "b.example", "c.example"):
        add_domain(name)
    with django_assert_num_queries(4):
        assert [row.pk for row in named("a.example")] == ["a.example"]
        assert [row.usage.mailboxes for row in named("a.example", "c.example")] == [0, 0]
        assert [row.pk for row in named("a.example", "b.example")] == ["b.example", "a.example"]
        assert named("x' OR '1'='1") == []


def test_a_prepared_statement_reads_the_database_anew_each_time(add_domain):
    add_domain("a.example")
    assert [row.active for row in named("a.example")] == [True]
    Domain.objects.update(active=False)
    assert [row.active for row in named("a.example")] == [False]


def test_a_value_that_does_not_reach_the_statement_is_an_error():
    @prepared
    def changed(name):
        return Domain.objects.filter(pk=name + "x")

    with pytest.raises(ValueError, match="changed does not ask"):
        changed("a.example")


def test_a_moment_that_is_no_value_is_an_error():
    @prepared
    def changed_before(name):
        return Domain.objects.filter(pk=name, modified__lt=timezone.now())

    with pytest.raises(ValueError, match="moment"):
        changed_before("a.example")


@prepared
def mailbox_limits(*names):
    rows = Domain.objects.filter(pk__in=names).order_by("pk")
    return rows.values_list("pk", "usage__mailboxes", "created", named=True)


def test_rows_of_values_have_their_names_and_types(add_domain):
    stored = Domain.objects.get(pk=add_domain("a.example").pk)
    rows = mailbox_limits("a.example")
    assert [(row.pk, row.usage__mailboxes, row.created) for row in rows] == [
        ("a.example", 0, stored.created)
    ]


@prepared_union
def on_and_off(first, second):
    rows = Domain.objects.order_by("-pk").values_list("pk", "active", named=True)
    return rows.filter(active=True, pk__gte=first)[:2], rows.filter(active=False, pk__gte=second)[
        :1
    ]


def test_several_querysets_are_one_statement_each_in_its_order(
    add_domain, django_assert_num_queries
):
    for name in ("a", "b", "c", "d", "e"):
        add_domain(f"{name}.example", active=name < "d")
    with django_assert_num_queries(1):
        rows = on_and_off("a.example", "d.example")

    assert [(row.pk, row.active) for row in rows] == [
        ("c.example", True),
        ("b.example", True),
        ("e.example", False),
    ]


@prepared_deletion
def gone_and_off(name):
    return Domain.objects.filter(pk=name), Domain.objects.filter(pk__gt=name, active=False)


def test_a_prepared_deletion_deletes_of_each_queryset_for_each_value(
    add_domain, django_assert_num_queries
):
    for name in ("a", "b", "c", "d", "e"):
        add_domain(f"{name}.example", active=name < "d")
    with django_assert_num_queries(4):
        gone_and_off("d.example")
        gone_and_off("b.example")

    assert [row.pk for row in Domain.objects.order_by("pk")] == ["a.example", "c.example"]


def test_a_deletion_that_a_value_does_not_reach_is_an_error(add_domain):
    @prepared_deletion
    def changed(name):
        return Domain.objects.filter(pk=name), Domain.objects.filter(pk=name + "x")

    add_domain("a.example")
    with pytest.raises(ValueError, match="changed does not ask"):
        changed("a.example")
    assert Domain.objects.count() == 1


def test_a_raw_queryset_is_asked_with_each_value(add_domain):
    @prepared
    def raw(name):
        return Domain.objects.raw("SELECT * FROM domain WHERE domain = %s", [name])

    add_domain("a.example")
    assert [row.pk for row in raw("a.example")] == ["a.example"]
    assert raw("b.example") == []


@in_scope(prepared)
def visible(actor, *names):
    return Domain.objects.visible_to(actor).filter(pk__in=names).values_list("pk", flat=True)


@in_scope(prepared_counts)
def counts(actor):
    return [Domain.objects.visible_to(actor), Domain.objects.visible_to(actor)[:1]]


def test_each_account_is_answered_from_its_own_domains(add_domain, make_admin):
    for name in ("a.example", "b.example", "c.example"):
        add_domain(name)
    both = make_admin("both@example.org", domains=["a.example", "b.example"])
    other = make_admin("other@example.org", domains=["b.example", "c.example"])
    root = make_admin("root@example.org", superadmin=True)
    asked = ("a.example", "c.example")
    assert [visible(actor, *asked) for actor in (both, other)] == [["a.example"], ["c.example"]]
    assert sorted(visible(root, *asked)) == ["a.example", "c.example"]
    assert visible(make_admin("none@example.org"), *asked) == []
    assert [tuple(counts(actor)) for actor in (both, other, root)] == [(2, 1), (2, 1), (3, 1)]
    assert tuple(counts(make_admin("nobody@example.org"))) == (0, 0)


def test_nobody_but_active_administrators_is_answered(add_domain, make_admin, add_mailbox):
    add_domain("a.example")
    inactive = make_admin("gone@example.org", superadmin=True)
    inactive.active = False
    for account in (inactive, add_mailbox("ann@a.example")):
        with pytest.raises(ValueError, match="for administrators alone"):
            visible(account, "a.example")


def test_names_are_padded_with_the_last_to_a_power_of_two():
    assert [padded(names) for names in ("a", "ab", "abc")] == [["a"], ["a", "b"], [*"abcc"]]
