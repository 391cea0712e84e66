import pytest

from aliases import dangling
from aliases.models import AliasTarget
from domains.services import create_alias_domain, update_domain
from panel.prepared import prepared

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[1, 2, 256], ids="{} domains together".format)
def together(request, monkeypatch):
    monkeypatch.setattr(dangling, "TOGETHER", request.param)
    anew = prepared(dangling._with_unmatched_targets.__wrapped__)
    monkeypatch.setattr(dangling, "_with_unmatched_targets", anew)


@pytest.fixture
def superadmin(make_admin):
    return make_admin("super@example.org", superadmin=True)


@pytest.fixture
def world(add_domain, add_mailbox, add_alias):
    for name in "abcdefg":
        domain = add_domain(f"{name}.example")
        add_mailbox(f"ann@{domain.pk}")
        add_alias(f"sales@{domain.pk}", f"gone1@{domain.pk}", f"ann@{domain.pk}")
    add_alias("@b.example", "ann@b.example")
    add_alias("@c.example", "gone2@c.example", "ann@c.example")
    target = add_domain("target.example")
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=target)
    add_alias("away@a.example", "gone3@twin.example", "ann@a.example")
    update_domain(actor=None, domain=add_domain("relay.example"), transport="smtp:[192.0.2.1]")
    add_alias("relayed@a.example", "gone4@relay.example", "ann@a.example")
    add_alias("abroad@d.example", "gone5@a.example", "ann@d.example")


def found(actor):
    return [(row.domain, row.alias, row.target) for row in dangling.first_dangling(actor)]


def test_a_superadmin_is_told_of_all_of_them_by_domain(world, together, superadmin):
    everything = AliasTarget.objects.dangling().values_list("domain", "alias", "target")
    assert sorted(found(superadmin)) == sorted(everything)
    assert [row[2] for row in found(superadmin)] == [
        "gone1@a.example",
        "gone5@a.example",
        "gone2@c.example",
        *(f"gone1@{name}.example" for name in "defg"),
    ]


def test_a_domain_admin_is_told_of_own_aliases_with_targets_in_own_domains(
    world, together, make_admin
):
    names = ["b.example", "c.example", "d.example", "nowhere.example"]
    of_three = make_admin("three@example.org", domains=names[:3])
    assert [row[2] for row in found(of_three)] == ["gone2@c.example", "gone1@d.example"]
    assert found(make_admin("none@example.org")) == []


def test_for_an_admin_without_domains_nothing_is_read_but_that(
    world, make_admin, django_assert_num_queries
):
    nobody = make_admin("none@example.org")
    with django_assert_num_queries(1):
        assert found(nobody) == []


def test_no_more_than_are_shown(world, superadmin, add_alias):
    for number in range(dangling.MOST):
        add_alias(f"more{number}@a.example", f"lost{number}@a.example", "ann@a.example")
    rows = found(superadmin)
    assert (len(rows), {domain for domain, *_ in rows}) == (dangling.MOST, {"a.example"})


def test_the_row_says_whether_its_alias_is_a_mailbox_s_own(superadmin, add_domain, add_mailbox):
    add_domain("a.example")
    add_mailbox("ann@a.example")
    AliasTarget.objects.create(
        alias="ann@a.example", owner="a.example", target="gone@a.example", bare="", domain=""
    )
    assert [row.is_self_alias for row in dangling.first_dangling(superadmin)] == [True]


def test_it_asks_as_often_whatever_the_catch_alls_cover(
    superadmin, add_domain, add_alias, add_mailbox, django_assert_num_queries
):
    add_domain("a.example")
    add_mailbox("ann@a.example")
    add_alias("@a.example", "ann@a.example")
    for number in range(3):
        add_alias(f"s{number}@a.example", f"gone{number}@a.example", "ann@a.example")
    with django_assert_num_queries(2):
        assert dangling.first_dangling(superadmin) == []
