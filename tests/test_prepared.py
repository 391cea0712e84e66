"""Querysets that are put together once answer as the queryset would, for each value anew."""

import pytest

from domains.models import Domain
from panel.prepared import prepared

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
