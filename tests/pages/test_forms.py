import re

import pytest
from django import forms
from django.urls import reverse
from django.utils.translation import gettext, override

from accounts.admin_forms import AdminCreateForm, AdminForm, AdminPasswordForm
from accounts.forms import (
    LoginForm,
    OwnPasswordForm,
)
from aliases.forms import AliasCreateForm, AliasForm
from aliases.models import Alias
from domains.forms import AliasDomainCreateForm, AliasDomainForm, DomainCreateForm, DomainForm
from domains.models import Domain
from mailboxes.forms import (
    ForwardingForm,
    MailboxCreateForm,
    MailboxForm,
    MailboxPasswordForm,
    OwnMailboxPasswordForm,
)
from mailboxes.models import Mailbox
from tests.pages.reading import errors, sent, text

FORMS = [
    *(AdminCreateForm, AdminForm, AdminPasswordForm, LoginForm, OwnPasswordForm),
    *(AliasCreateForm, AliasForm, AliasDomainCreateForm, AliasDomainForm, DomainCreateForm),
    *(DomainForm, ForwardingForm, MailboxCreateForm, MailboxForm, MailboxPasswordForm),
    OwnMailboxPasswordForm,
]
MB = 1_024_000
MAILBOX = {
    "local_part": "joe",
    "domain": "example.org",
    "password": "tangerine-7-bicycle",
    "quota_mb": "100",
}


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_field_is_told_what_belongs_there(form):
    django_says = forms.Field.default_error_messages["required"]
    unsaid = {
        name
        for name, field in form.base_fields.items()
        if field.required and field.error_messages["required"] == django_says
    }
    assert unsaid == set()


def focused(page):
    return re.findall(r'name="([\w-]+)"[^>]* autofocus', page.text)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("domain-create", "name"),
        ("mailbox-create", "local_part"),
        ("alias-create", "local_part"),
        ("aliasdomain-create", "alias_domain"),
        ("admin-create", "username"),
        ("account", "old_password"),
    ],
)
def test_the_first_field_has_the_focus(name, field, superadmin):
    assert focused(superadmin.get(reverse(name))) == [field]


def test_one_error_is_said_once_in_place_of_the_help_and_has_the_focus(superadmin):
    page = superadmin.post(reverse("mailbox-create"), MAILBOX | {"local_part": "joe+tag"})

    assert errors(page).keys() == {"local_part"}
    assert text(page).count("A mailbox name has no “+”") == 1
    assert "The part before the @." not in text(page)
    assert "data-error-summary" not in page.text
    assert focused(page) == ["local_part"]
    [field] = re.findall(r'<input [^>]*name="local_part"[^>]*>', page.text)
    assert re.search('aria-describedby="([^"]*)"', field)[1] == "id_local_part_error"


def test_from_two_errors_on_a_summary_has_the_focus(superadmin):
    page = superadmin.post(reverse("mailbox-create"), MAILBOX | {"local_part": "", "quota_mb": ""})

    assert page.text.count("data-error-summary") == 1
    assert focused(page) == []
    assert "Address: Enter the name before the @." in text(page)


def test_an_error_at_a_field_that_is_not_shown_stands_in_the_summary(admin):
    Domain.objects.update(mailboxes=-1)

    page = admin.post(reverse("mailbox-create"), MAILBOX)

    assert errors(page).keys() == {"domain"}
    assert page.text.count("data-error-summary") == 1


@pytest.mark.parametrize(
    ("generated", "password", "kept"),
    [
        ("1", "tavi-keno-runa-sipe", True),
        ("", "tavi-keno-runa-sipe", False),
        ("1", "typed-over-it-9", False),
    ],
)
def test_a_made_password_is_kept_after_an_error_and_a_typed_one_is_not(
    generated, password, kept, superadmin
):
    wrong = {"local_part": "", "password-generated": generated, "password": password}

    page = superadmin.post(reverse("mailbox-create"), MAILBOX | wrong)

    assert page.status_code == 422
    assert (f'value="{password}"' in page.text) is kept
    assert page.headers["Cache-Control"] == "no-store"


# --- Sizes


@pytest.mark.parametrize(
    ("words", "quota"),
    [
        ("2 GB", 2 * 1024 * MB),
        ("2gb", 2 * 1024 * MB),
        ("1.5 GB", 1536 * MB),
        ("1,5 Go", 1536 * MB),
        ("500 MB", 500 * MB),
        ("500", 500 * MB),
        ("10,240 MB", 10240 * MB),
        ("1 TB", 1024 * 1024 * MB),
        ("512 kB", MB // 2),
        ("0", 0),
        ("no limit", 0),
    ],
)
def test_a_quota_is_typed_as_people_write_it(words, quota, superadmin):
    assert superadmin.post(
        reverse("mailbox-create"), MAILBOX | {"quota_mb": words}
    ).status_code in {
        200,
        302,
    }

    assert Mailbox.objects.get().quota == quota


@pytest.mark.parametrize("code", ["en", "fr", "de"])
def test_a_size_may_be_written_in_each_language_of_the_panel(code, superadmin):
    with override(code):
        words = [gettext("no limit"), f"2 {gettext('GB')}", f"512 {gettext('kB')}"]

    for number, size in enumerate(words):
        values = MAILBOX | {"local_part": f"joe{number}", "quota_mb": size}
        assert superadmin.post(reverse("mailbox-create"), values).status_code == 200

    stored = Mailbox.objects.order_by("pk").values_list("quota", flat=True)
    assert list(stored) == [0, 2 * 1024 * MB, MB // 2]


@pytest.mark.parametrize("words", ["much", "-1", "2 XB", "1..5 GB", "nan", "٣ GB", "1e3"])
def test_what_is_no_size_is_refused_with_an_example(words, superadmin):
    page = superadmin.post(reverse("mailbox-create"), MAILBOX | {"quota_mb": words})

    assert errors(page) == {"quota_mb": ["Enter a size such as 2 GB or 500 MB."]}


def test_what_no_column_holds_is_refused(superadmin):
    page = superadmin.post(reverse("mailbox-create"), MAILBOX | {"quota_mb": "9" * 25})

    assert errors(page) == {"quota_mb": ["Enter less: nothing holds that much."]}


@pytest.mark.parametrize(
    ("megabytes", "shown"),
    [(2048, "2 GB"), (1536, "1.5 GB"), (1537, "1537 MB"), (100, "100 MB"), (0, "no limit")],
)
def test_the_form_shows_a_quota_without_rounding_it(megabytes, shown, superadmin, add_mailbox):
    add_mailbox("joe@example.org", quota=megabytes * MB)
    address = reverse("mailbox-edit", args=["joe@example.org"])

    form = sent(superadmin.get(address))
    superadmin.post(address, form | {"name": "Joe"})

    assert form["quota_mb"] == shown
    assert Mailbox.objects.values_list("name", "quota").get() == ("Joe", megabytes * MB)


def test_common_sizes_are_suggested_and_each_of_them_is_taken(superadmin):
    page = superadmin.get(reverse("mailbox-create")).text
    suggested = re.findall('<option value="([^"]*)">', page.partition('<datalist id="sizes">')[2])

    assert suggested == ["1 GB", "2 GB", "5 GB", "10 GB", "no limit"]
    assert 'list="sizes"' in page
    for number, words in enumerate(suggested):
        values = MAILBOX | {"local_part": f"joe{number}", "quota_mb": words}
        assert superadmin.post(reverse("mailbox-create"), values).status_code == 200


def test_a_domains_sizes_are_typed_and_shown_likewise(superadmin, example_org):
    address = reverse("domain-edit", args=["example.org"])
    form = sent(superadmin.get(address))
    sizes = {"maxquota_0": "limited", "maxquota_1": "2 GB", "quota_0": "limited", "quota_1": "1 TB"}

    superadmin.post(address, form | sizes)

    example_org.refresh_from_db()
    assert (example_org.maxquota, example_org.quota) == (2048, 1024 * 1024)
    form = sent(superadmin.get(address))
    assert (form["maxquota_1"], form["quota_1"]) == ("2 GB", "1 TB")
    page = superadmin.post(address, form | {"quota_1": "1.5 kB"})
    assert errors(page) == {"quota": ["Enter whole megabytes, 1 MB or more."]}


# --- A whole address in the field of its first half


@pytest.mark.parametrize("chosen", ["", "example.org", "EXAMPLE.org"])
def test_a_pasted_address_is_read_as_name_and_domain(chosen, superadmin):
    pasted = {"local_part": " Joe@Example.org ", "domain": chosen}

    superadmin.post(reverse("mailbox-create"), MAILBOX | pasted)
    superadmin.post(
        reverse("alias-create"),
        {"local_part": "*@example.org", "domain": chosen, "targets": "a@b.example"},
    )

    assert list(Mailbox.objects.values_list("pk", flat=True)) == ["joe@example.org"]
    assert Alias.objects.filter(pk="@example.org").exists()


def test_a_pasted_address_of_another_domain_than_the_chosen_one_is_refused(superadmin, other_net):
    page = superadmin.post(reverse("mailbox-create"), MAILBOX | {"local_part": "joe@other.net"})

    assert errors(page) == {
        "local_part": ["Write the part before the @ only; the domain has its own field."]
    }
    assert Domain.objects.get(pk="other.net").usage.mailboxes == 0


def test_a_pasted_address_opens_no_domain_of_others(admin, other_net):
    page = admin.post(
        reverse("mailbox-create"), MAILBOX | {"local_part": "joe@other.net", "domain": ""}
    )

    assert errors(page) == {"domain": ["You manage no domain of this name. Check the spelling."]}


def test_a_page_of_several_forms_leaves_the_focus_at_its_beginning(
    sign_in, example_org, add_mailbox
):
    page = sign_in(add_mailbox("joe@example.org")).get(reverse("account"))

    assert focused(page) == []
