import pytest

from accounts.backends import row_named
from accounts.models import Admin
from panel.addresses import display_domain, lookup_key, lookup_keys


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Ann@Müller.example ", "ann@xn--mller-kva.example"),
        ("ann@xn--mller-kva.example", "ann@xn--mller-kva.example"),
        ("ann@", "ann@"),
        ("jör", "jör"),  # the beginning of a name, no domain
    ],
)
def test_a_typed_name_is_stored_with_its_domain_in_ascii(typed, stored):
    assert lookup_key(typed) == stored


def test_the_spellings_of_a_name_begin_with_the_typed_one():
    ascii_form, shown = "ann@xn--mller-kva.example", "ann@müller.example"

    assert lookup_keys("Ann@Müller.example") == [shown, ascii_form]
    assert lookup_keys(ascii_form) == [ascii_form, shown]
    assert lookup_keys("ann@example.org") == ["ann@example.org"]


def test_of_two_rows_of_one_name_the_typed_one_counts(db):
    names = ["ann@müller.example", "ann@xn--mller-kva.example"]
    Admin.objects.bulk_create(Admin(pk=name, password="x") for name in names)

    assert [row_named(Admin.objects, name).pk for name in names] == names
    assert row_named(Admin.objects, "eve@müller.example") is None


@pytest.mark.parametrize("label", ["漢字ひらがなカタカナー", "ひらがな", "müller"])
def test_a_label_of_one_language_is_shown_as_it_is_written(label):
    stored = lookup_key(f"a@{label}.example").removeprefix("a@")

    assert display_domain(stored) == f"{label}.example"
