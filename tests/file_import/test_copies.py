"""recipient_bcc_maps of Postfix, whose lines become copies of mail."""

from accounts.models import LogEntry
from domains.copies import Copy
from panel.models import FileImport

ARCHIVE = "archive@elsewhere.example"
BCC = f"# who reads along\nsales@example.org {ARCHIVE}\n@example.org   ann@example.org\n"


def copies():
    rows = Copy.objects.order_by("pk").values_list("direction", "address", "goto")
    return [*rows]


def test_a_map_is_looked_at_and_becomes_copies(superadmin, checked, run, lines, add_mailbox):
    add_mailbox("ann@example.org")
    url = checked(superadmin, BCC, kind="copy", format="map")
    assert ARCHIVE in superadmin.get(url).text
    assert (Copy.objects.exists(), [state for state, *_rest in lines().values()]) == (
        False,
        ["good", "good"],
    )
    done = run(superadmin, url)

    assert "2 copies created." in done.text
    assert copies() == [
        ("to", "sales@example.org", ARCHIVE),
        ("to", "@example.org", "ann@example.org"),
    ]
    assert LogEntry.objects.filter(action="edit_copies_to").count() == 2


def test_a_table_may_have_them_too(superadmin, checked, run):
    run(superadmin, checked(superadmin, f"Mail;BCC\nsales@example.org;{ARCHIVE}\n", kind="copy"))

    assert copies() == [("to", "sales@example.org", ARCHIVE)]


def test_the_rules_of_the_page_hold(admin, checked, lines, add_mailbox, settings):
    settings.EXTERNAL_TARGETS = False
    add_mailbox("ann@example.org")
    add_mailbox("bob@other.net")
    bad = [
        f"sales@example.org {ARCHIVE}",
        "sales@example.org nobody@example.org",
        "sales@example.org bob@other.net",
        "sales@other.net ann@example.org",
        "@example.org ann@example.org",
        "postmaster@example.org ann@example.org",
        "ann@example.org ann@example.org",
        "sales@example.org one@example.org,two@example.org",
        "sales@example.org",
    ]
    checked(admin, "\n".join(["info@example.org ann@example.org", *bad]), "copy", "map")

    found = lines()
    assert [state for state, *_rest in found.values()] == ["good", *["bad"] * len(bad)]
    problems = FileImport.objects.get().lines.get(number=2).problems
    assert [field for field, _text in problems] == ["copy_to"]


def test_an_address_has_one_copy(superadmin, checked, lines, run):
    text = f"sales@example.org {ARCHIVE}\n"
    url = checked(superadmin, text * 2, kind="copy", format="map")
    assert [state for state, *_rest in lines().values()] == ["good", "bad"]
    run(superadmin, url)
    checked(superadmin, text, kind="copy", format="map")

    [(state, _address, [problem])] = lines().values()
    assert (state, problem[:25]) == ("bad", "There is a copy already: ")


def test_lines_count_towards_the_copies_that_a_domain_may_have(
    superadmin, checked, lines, monkeypatch
):
    monkeypatch.setattr("domains.copy_services.MOST", 2)
    text = "".join(f"{name}@example.org {ARCHIVE}\n" for name in "abcd")
    for together in (250, 1):
        monkeypatch.setattr("mailadmin.file_import.judging.TOGETHER", together)
        checked(superadmin, text, kind="copy", format="map")

        assert [state for state, *_rest in lines().values()] == ["good", "good", "bad", "bad"]
        assert lines()[4][2] == ["A domain has at most 2 copies."]
