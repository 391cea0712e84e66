"""What a file, or the page about its columns, may say of mailboxes besides their addresses: forwarding, quota, welcome mail."""

import pytest

from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.models import FileImport
from tests.pages.reading import text

ANN, BOB = "ann@example.org", "bob@example.org"


def recipients(address):
    return Alias.objects.get(pk=address).targets


def test_mail_is_forwarded_as_a_column_says_and_a_copy_kept_unless_another_says_no(
    superadmin, checked, run, lines
):
    url = checked(
        superadmin,
        "Adresse;Weiterleitung an;Kopie behalten\n"
        f"{ANN};ann@elsewhere.example, {BOB};\n{BOB};bob@elsewhere.example;nein\ncid@example.org;;nein\n",
    )
    assert "ann@elsewhere.example" in text(superadmin.get(url))
    run(superadmin, url)

    assert recipients(ANN) == [ANN, "ann@elsewhere.example", BOB]
    assert recipients(BOB) == ["bob@elsewhere.example"]
    assert recipients("cid@example.org") == ["cid@example.org"]


def test_an_admin_forwards_to_no_external_address(admin, checked, lines, settings):
    settings.EXTERNAL_TARGETS = False
    checked(admin, f"Adresse;Forward to\n{ANN};ann@elsewhere.example\n{BOB};{ANN}\n")

    state, _address, [problem] = lines()[2]
    assert (state, lines()[3][0]) == ("bad", "good")
    assert "ann@elsewhere.example" in problem
    assert FileImport.objects.get().lines.get(number=2).problems[0][0] == "forward"


def test_a_recipient_that_is_none_is_said_at_its_field(admin, checked, lines):
    checked(admin, f"Adresse;Forward to\n{ANN};not an address\n")

    assert lines()[2][0] == "bad"
    assert {field for field, _text in FileImport.objects.get().lines.get().problems} == {"forward"}


def test_a_forwarding_that_would_be_a_loop_makes_no_mailbox(admin, checked, run, lines, add_alias):
    add_alias("sales@example.org", ANN)
    url = checked(admin, f"Adresse;Forward to;Keep a copy\n{ANN};sales@example.org;no\n")
    run(admin, url)

    assert lines()[2][0] == "bad"
    assert not Mailbox.objects.exists()


def test_a_quota_counts_for_the_lines_that_have_none(admin, checked, run):
    url = checked(admin, f"Adresse;Quota\n{ANN};2 GB\n{BOB};\n", quota="500 MB")
    assert 'value="500 MB"' in admin.get(f"{url}columns/").text
    run(admin, url)

    assert Mailbox.objects.get(pk=ANN).quota_mb == 2048
    assert Mailbox.objects.get(pk=BOB).quota_mb == 500


def test_without_it_the_domain_says_how_large_they_are(admin, checked, run, example_org):
    example_org.maxquota = 300
    example_org.save()
    url = checked(admin, f"Adresse\n{ANN}\n")
    run(admin, url)

    assert Mailbox.objects.get().quota_mb == 300


@pytest.mark.django_db(transaction=True)
def test_new_mailboxes_that_are_on_get_the_welcome_mail_if_that_was_chosen(
    admin, checked, run, mailoutbox
):
    url = checked(admin, f"Adresse;Aktiv\n{ANN};ja\n{BOB};nein\n", welcome="on")
    run(admin, url)

    assert Mailbox.objects.count() == 2
    assert [mail.to for mail in mailoutbox] == [[ANN]]


@pytest.mark.django_db(transaction=True)
def test_without_that_they_get_none(admin, checked, run, mailoutbox):
    run(admin, checked(admin, f"Adresse\n{ANN}\n"))

    assert (Mailbox.objects.count(), mailoutbox) == (1, [])


@pytest.mark.parametrize("ticked", [True, False])
def test_the_box_is_ticked_at_first_as_the_setting_says(admin, upload, settings, ticked):
    settings.WELCOME_MAIL = ticked
    form = admin.get(upload(admin, f"Adresse\n{ANN}\n").url).context["form"]

    assert form["welcome"].value() is ticked


def test_a_file_from_before_these_options_is_imported_still(admin, checked, run):
    url = checked(admin, f"Adresse\n{ANN}\n")
    file = FileImport.objects.get()
    file.options = {k: v for k, v in file.options.items() if k not in {"quota", "welcome"}}
    file.save()

    assert admin.get(f"{url}columns/").status_code == 200
    run(admin, url)
    assert Mailbox.objects.count() == 1
