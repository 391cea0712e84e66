"""Fields are drawn once, with a place for their value (mailadmin/parts.py), and copied by each form (panel/forms.py)."""

import re

from django.urls import reverse
from markupsafe import escape

from accounts.models import Admin
from tests.pages.reading import text

MB = 1_024_000


def edit_page(client, mailbox):
    return client.get(reverse("mailbox-edit", args=[mailbox.pk]))


def shown(page, name):
    return re.search(rf'<input [^>]*name="{name}"[^>]*>', page.text)[0]


def test_each_form_shows_its_own_values(superadmin, add_mailbox, example_org):
    texts = ['50 % <b> & "', "%(value)s {{ x }}", ""]
    rows = [
        add_mailbox(f"m{n}@example.org", name=name, pop3_active=bool(n % 2))
        for n, name in enumerate(texts)
    ]

    pages = [edit_page(superadmin, row) for row in [*rows, *rows]]

    for page, row in zip(pages, [*rows, *rows], strict=True):
        value = f' value="{escape(row.name)}"'
        assert [value in shown(page, "name"), "value=" in shown(page, "name")] == [
            bool(row.name)
        ] * 2
        assert ("checked" in shown(page, "pop3_active")) == row.pop3_active


def test_a_field_that_was_drawn_before_shows_what_is_wrong_with_it(
    superadmin, add_mailbox, example_org
):
    joe = add_mailbox("joe@example.org")
    before = shown(edit_page(superadmin, joe), "quota_mb")

    page = superadmin.post(reverse("mailbox-edit", args=[joe.pk]), {"quota_mb": "many"})

    assert "is-invalid" not in before
    assert 'value="many"' in shown(page, "quota_mb")
    assert "is-invalid" in shown(page, "quota_mb")
    assert "is-invalid" not in shown(edit_page(superadmin, joe), "quota_mb")


def test_a_field_that_was_drawn_in_one_language_is_drawn_in_another(
    superadmin, add_mailbox, example_org
):
    joe = add_mailbox("joe@example.org")
    pages = []
    for language in ("en", "fr", "en"):
        Admin.objects.update(language=language)
        pages.append(edit_page(superadmin, joe).text)

    assert ["optional</span></label>" in page for page in pages] == [True, False, True]


def test_what_a_form_changes_of_its_fields_is_not_in_the_next_one(
    superadmin, add_mailbox, add_domain
):
    rows = [
        add_mailbox(f"a@{add_domain(name, maxquota=size).pk}", quota=0 if not size else MB)
        for name, size in (("small.example", 300), ("free.example", 0))
    ]

    pages = [text(edit_page(superadmin, row)) for row in rows]

    assert ["At most 300 MB." in page for page in pages] == [True, False]
