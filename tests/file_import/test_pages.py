import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import password_links
from accounts.made_passwords import looks_made
from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import AliasDomain, Domain
from mailadmin.file_import import bounds
from mailboxes.models import Mailbox
from panel import file_imports
from panel.models import FileColumns, FileImport, FileLine, Task
from tests.file_import.workbooks import workbook
from tests.pages.reading import text, told

SECOND = timedelta(seconds=1)
ANN = "Adresse;Name;Quota\nann@example.org;Ann;2 GB\n"
HASH = "{SSHA}8gjrMD0JSTZjmfmSnuSVBy5nbTBhYmNk"


def table(response):
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def result(client, url):
    return client.post(f"{url}result/")


def test_of_a_quota_that_cannot_be_read_the_line_says_what_the_file_has(admin, checked):
    Domain.objects.update(maxquota=1024)  # which a mailbox without one gets
    page = text(admin.get(checked(admin, ANN + "bob@example.org;Bob;lots\n")))

    assert "Line 3 bob@example.org not good Bob · lots Enter a size such as" in page


def test_while_it_is_imported_nothing_is_offered_and_no_room_is_left_for_it(admin, checked):
    url = checked(admin, ANN)
    assert "form-actions" in admin.get(url).text.partition("file-lines")[0]

    admin.post(url, {"do": "begin"})

    page = admin.get(url)
    assert "It is being imported. See how far it is" in text(page)
    assert "form-actions" not in page.text


def test_mailboxes_of_a_file_are_made_and_their_passwords_are_handed_out(
    admin, checked, run, lines
):
    url = checked(admin, ANN + "bob@example.org;Bob;\nann@example.org;twice;\n")

    page = text(admin.get(url))
    assert "2 lines are good, 1 cannot be imported" in page
    assert "Line 2 has this already" in page
    assert lines()[4][0] == "bad"
    assert Mailbox.objects.count() == 0

    done = run(admin, url)
    assert "2 mailboxes created." in text(done)
    ann = Mailbox.objects.get(pk="ann@example.org")
    assert (ann.name, ann.quota_mb) == ("Ann", 2048)
    entries = LogEntry.objects.filter(action="create_mailbox").values_list("data", "username")
    assert [(data, who.split(" ")[0]) for data, who in entries.order_by("data")] == [
        ("ann@example.org", "theirs@example.org"),
        ("bob@example.org", "theirs@example.org"),
    ]

    heading, first, second, third = table(result(admin, url))
    assert heading == [
        "Line",
        "Address",
        "Imported",
        "Password",
        "Link to set a password",
        "Why not",
    ]
    assert first[:3] == ["2", "ann@example.org", "1"]
    assert looks_made(first[3])
    assert ann.check_password(first[3])
    assert second[1] == "bob@example.org"
    assert third[2:5] == ["0", "", ""]

    assert "They are erased ten minutes after" in text(admin.get(url))


def test_the_passwords_are_gone_after_an_hour(admin, checked, run):
    url = checked(admin, ANN)
    run(admin, url)
    Task.objects.update(changed=timezone.now() - file_imports.SECRETS_KEPT - SECOND)

    assert "not kept any more" in text(admin.get(url))
    assert table(result(admin, url))[1][3] == ""
    file_imports.forget()
    assert FileLine.objects.get().secret == ""


def test_a_file_is_forgotten_after_a_day(admin, checked):
    url = checked(admin, ANN)
    FileImport.objects.update(changed=timezone.now() - file_imports.KEPT - SECOND)
    file_imports.forget()

    assert FileLine.objects.count() == 0
    assert admin.get(url).status_code == 404


def test_nothing_of_a_file_stands_in_clear_in_the_database(admin, checked, run):
    url = checked(admin, "Adresse;Passwort\nann@example.org;tangerine-7-bicycle\n")
    assert "tangerine" not in FileLine.objects.get().content
    assert "tangerine" not in admin.get(url).text

    run(admin, url)
    assert Mailbox.objects.get().check_password("tangerine-7-bicycle")
    assert table(result(admin, url))[1][3] == ""


def test_aliases_of_a_file_are_made(admin, checked, run, lines, add_mailbox):
    add_mailbox("ann@example.org")
    url = checked(
        admin,
        'Alias,Ziel\nsales@example.org,"ann@example.org, x@other.net"\n*@example.org,ann@example.org\n'
        "ann@example.org,x@other.net\nempty@example.org,\n",
        "alias",
    )

    found = lines()
    assert [state for state, _address, _problems in found.values()] == [
        "good",
        "good",
        "bad",
        "bad",
    ]
    assert found[3][1] == "@example.org"
    run(admin, url)
    made = dict(Alias.objects.exclude(is_self_alias=True).values_list("pk", "goto"))
    assert made == {
        "sales@example.org": "ann@example.org,x@other.net",
        "@example.org": "ann@example.org",
    }


def test_alias_domains_of_a_file_are_made_by_a_superadmin_with_their_domains(
    superadmin, checked, run, other_net
):
    url = checked(
        superadmin,
        "alias domain,target\nother.net,example.org\nnew.example,example.org\n",
        "alias-domain",
    )
    run(superadmin, url)

    assert dict(AliasDomain.objects.values_list("pk", "target_domain")) == {
        "other.net": "example.org",
        "new.example": "example.org",
    }


def test_an_admin_makes_alias_domains_of_own_domains_alone(
    make_admin, sign_in, example_org, other_net, add_domain, checked, lines
):
    add_domain("second.example")
    admin = sign_in(make_admin(domains=["example.org", "second.example"]))
    checked(
        admin,
        "alias domain,target\nsecond.example,example.org\nother.net,example.org\nnew.example,example.org\n"
        "second.example,other.net\n",
        "alias-domain",
    )
    assert [state for state, _address, _problems in lines().values()] == [
        "good",
        "bad",
        "bad",
        "bad",
    ]


def test_domains_of_a_file_are_made_by_a_superadmin(superadmin, checked, run, lines):
    url = checked(
        superadmin,
        "Domain,Description,Mailboxes,Domain quota\nnew.example,New,10,5 GB\nexample.org,,,\nbad,,x,\n",
        "domain",
    )
    assert [state for state, _address, _problems in lines().values()] == ["good", "bad", "bad"]
    run(superadmin, url)
    made = Domain.objects.get(pk="new.example")
    assert (made.description, made.mailboxes, made.quota) == ("New", 10, 5120)


def test_an_admin_imports_no_domains(admin, upload):
    response = upload(admin, "Domain\nnew.example\n", "domain")

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["kind"]


# --- What is wrong with a line


def test_lines_of_another_domain_are_refused(admin, checked, run, lines):
    url = checked(admin, "Adresse\nann@other.net\nann@nowhere.example\n")

    assert [state for state, _address, _problems in lines().values()] == ["bad", "bad"]
    page = admin.get(url)
    assert "You manage no domain other.net" in text(page)
    wrong = [field["name"] for field in page.context["lines"][0]["fields"] if field["wrong"]]
    assert wrong == ["address"]
    admin.post(url, {"do": "begin"})
    assert Mailbox.objects.count() == 0
    assert Task.objects.count() == 0


def test_a_line_that_was_good_is_refused_if_the_account_lost_the_domain_since(
    admin, checked, make_admin
):
    from accounts.models import Admin
    from accounts.services import update_admin

    url = checked(admin, ANN)
    update_admin(
        actor=None,
        admin=Admin.objects.get(pk="theirs@example.org"),
        removed=["example.org"],
        added=["other.net"],
    )
    place = admin.post(url, {"do": "begin"}).url.partition("?")[0]
    admin.post(place, {"do": "step"}, headers={"HX-Request": "true"})

    assert Mailbox.objects.count() == 0
    assert FileLine.objects.get().state == "bad"
    assert (Task.objects.get().done, Task.objects.get().refused) == (0, 1)


def test_hashes_are_superadmins_alone(admin, checked, run, lines, sign_in, make_admin):
    for heading in ("Password hash", "Password"):
        checked(admin, f"Address,{heading}\nann@example.org,{HASH}\n")
        assert lines()[2] == (
            "bad",
            "ann@example.org",
            ["Only a superadmin may bring hashes. Leave it empty: a password is made."],
        )

    client = sign_in(make_admin(superadmin=True))
    url = checked(client, f"Address,Password hash\nann@example.org,{HASH}\nbob@example.org,xyz\n")
    assert [state for state, _address, _problems in lines().values()] == ["good", "bad"]
    run(client, url)
    assert Mailbox.objects.get().password == HASH


def test_the_limits_of_the_domain_hold_within_the_file(admin, checked, lines, example_org):
    Domain.objects.filter(pk="example.org").update(mailboxes=2, quota=100, maxquota=100)
    checked(
        admin,
        "Adresse;Quota\na@example.org;60\nb@example.org;60\nc@example.org;30\nd@example.org;1\n",
    )

    found = lines()
    assert [state for state, _address, _problems in found.values()] == [
        "good",
        "bad",
        "good",
        "bad",
    ]
    assert "already has its 2 mailboxes" in found[5][2][0]


def test_what_is_taken_between_the_check_and_the_import_is_refused_and_told(
    admin, checked, run, lines, add_mailbox
):
    url = checked(admin, ANN + "bob@example.org;Bob;\n")
    add_mailbox("ann@example.org")
    page = text(run(admin, url))

    assert "1 mailbox created." in page
    assert "ann@example.org: ann@example.org exists already" in page
    assert (lines()[2][0], lines()[3][0]) == ("bad", "made")
    task = Task.objects.get()
    assert (task.done, task.refused) == (1, 1)


def test_umlauts_are_written_as_was_chosen(admin, checked, lines):
    page = "Adresse;Name\nmüller@example.org;\n;Jörg Groß-Köhler\n"
    checked(admin, page, domain="example.org")
    assert [address for _state, address, _problems in lines().values()] == [
        "mueller@example.org",
        "joerg.gross-koehler@example.org",
    ]
    checked(admin, page, domain="example.org", umlauts="one")
    assert [address for _state, address, _problems in lines().values()] == [
        "muller@example.org",
        "jorg.gross-kohler@example.org",
    ]


def test_the_unit_of_a_quota_may_stand_in_its_heading(admin, checked, run):
    url = checked(admin, "Adresse;Größe (GB)\nann@example.org;2\nbob@example.org;500 MB\n")
    run(admin, url)
    assert [box.quota_mb for box in Mailbox.objects.order_by("pk")] == [2048, 500]


@pytest.mark.parametrize("heading", ["quota_gb", "QuotaGB"])
def test_the_unit_may_end_the_heading(admin, checked, run, heading):
    run(admin, checked(admin, f"Adresse,{heading}\nann@example.org,2\nbob@example.org,1 000\n"))
    assert [box.quota_mb for box in Mailbox.objects.order_by("pk")] == [2048, 1_024_000]


def test_each_size_of_a_domain_has_the_unit_of_its_own_heading(superadmin, checked, run, lines):
    url = checked(
        superadmin,
        "Domain,Quota (GB),MaxQuotaMB\nnew.example,10,500\nsmall.example,500 KB,500\n",
        "domain",
    )
    assert [state for state, _address, _problems in lines().values()] == ["good", "bad"]
    run(superadmin, url)
    made = Domain.objects.get(pk="new.example")
    assert (made.quota, made.maxquota) == (10_240, 500)


def test_the_quota_that_a_domain_gives_counts_for_the_next_line(admin, checked, run, lines):
    Domain.objects.filter(pk="example.org").update(mailboxes=0, quota=100, maxquota=60)
    url = checked(admin, many(3))
    found = [state for state, _address, _problems in lines().values()]
    sizes = [size // 1024_000 for size in FileLine.objects.values_list("size", flat=True)]
    page = run(admin, url)
    assert Task.objects.get().refused == 0, text(page)
    assert (found, sizes[:2]) == (["good", "good", "bad"], [60, 40])
    assert [box.quota_mb for box in Mailbox.objects.order_by("pk")] == [60, 40]


def test_accounts_that_did_not_sign_in_or_send_there_do_not_here(superadmin, checked, run):
    ldif = (
        "dn: x\nmail: ann@example.org\nuserPassword: {SSHA}8gjrMD0JSTZjmfmSnuSVBy5nbTBhYmNk\nenabledService: imap\n\n"
        "dn: y\nmail: bob@example.org\nuserPassword: {SSHA}8gjrMD0JSTZjmfmSnuSVBy5nbTBhYmNk\nenabledService: smtp\n"
    )
    run(superadmin, checked(superadmin, ldif, format="ldif"))
    switches = Mailbox.objects.order_by("pk").values_list("sign_in_active", "smtp_active")
    assert list(switches) == [(True, False), (False, False)]


def test_hashes_are_changed_at_the_next_sign_in_if_that_was_chosen(superadmin, checked, run):
    data = f"Address,Password hash\nann@example.org,{HASH}\n"
    run(superadmin, checked(superadmin, data, must_change="on"))
    assert Mailbox.objects.get().must_change


# --- Corrections


def test_a_line_is_corrected_in_place_and_judged_anew(admin, checked, lines):
    url = checked(admin, "Adresse;Quota\nann@example.org;much\n")
    assert lines()[2][0] == "bad"

    answer = admin.post(
        f"{url}?show=bad",
        {"do": "correct", "line": "2", "to-address": "Ann@example.org", "to-quota": "1 GB"},
    )
    assert answer.url == f"{url}?show=bad#line-2"
    assert lines() == {2: ("good", "ann@example.org", [])}


def test_a_correction_frees_the_line_that_it_was_in_the_way_of(admin, checked, lines):
    url = checked(admin, "Adresse\nann@example.org\nann@example.org\n")
    assert lines()[3][0] == "bad"

    admin.post(url, {"do": "correct", "line": "2", "to-address": "bob@example.org"})
    assert lines() == {2: ("good", "bob@example.org", []), 3: ("good", "ann@example.org", [])}


def test_a_line_is_left_out_and_taken_back(admin, checked, run, lines):
    url = checked(admin, "Adresse\nann@example.org\nann@example.org\n")
    admin.post(url, {"do": "leave-out", "line": "2"})
    assert [state for state, _address, _problems in lines().values()] == ["left-out", "good"]
    admin.post(url, {"do": "leave-out", "line": "3"})
    admin.post(url, {"do": "take-back", "line": "2"})
    assert [state for state, _address, _problems in lines().values()] == ["good", "left-out"]


def test_a_hash_that_is_not_shown_stays_unless_it_is_left_out(admin, checked, lines):
    url = checked(admin, f"Address,Password hash\nann@example.org,{HASH}\n")
    assert HASH not in admin.get(url).text
    admin.post(url, {"do": "correct", "line": "2", "to-hash": ""})
    assert lines()[2][0] == "bad"
    admin.post(url, {"do": "correct", "line": "2", "to-hash": "", "without-hash": "1"})
    assert lines()[2][0] == "good"


@pytest.mark.parametrize("line", ["", "x", "1", "99", "99999999999999", "-1"])
def test_a_line_that_is_not_there_is_not_found(admin, checked, line):
    url = checked(admin, ANN)
    for what in ("correct", "leave-out", "take-back"):
        assert admin.post(url, {"do": what, "line": line}).status_code == 404


# --- Invitations


def test_people_are_invited_by_links_that_are_handed_out(admin, checked, run):
    url = checked(admin, "Adresse\nann@example.org\n", how="invite")
    run(admin, url)

    link = table(result(admin, url))[1][4]
    token = link.rstrip("/").rpartition("/")[2]
    assert link == f"http://testserver{reverse('password-link-token', args=[token])}"
    assert password_links.find(token)[1].pk == "ann@example.org"


def test_links_are_sent_to_the_other_addresses(
    admin, checked, run, settings, lines, mailoutbox, django_capture_on_commit_callbacks
):
    settings.PANEL_URL = "https://panel.example.org/"
    url = checked(
        admin,
        "Adresse;Private Adresse\nann@example.org;ann@home.example\nbob@example.org;\n",
        how="send",
    )
    assert [state for state, _address, _problems in lines().values()] == ["good", "bad"]
    with django_capture_on_commit_callbacks(execute=True):
        run(admin, url)
    assert [letter.to for letter in mailoutbox] == [["ann@home.example"]]
    assert table(result(admin, url))[1][4] == "sent to the other address"


# --- Many lines, twice, stopped


def many(count):
    return "Adresse\n" + "".join(f"m{n:03}@example.org\n" for n in range(count))


@pytest.fixture
def fifty_together(monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.work.TOGETHER", 50)


def test_it_stops_and_goes_on_where_it_was(admin, checked, fifty_together):
    url = checked(admin, many(120))
    place = admin.post(url, {"do": "begin"}).url.partition("?")[0]
    step = {"HX-Request": "true"}
    admin.post(place, {"do": "step"}, headers=step)
    admin.post(place, {"do": "stop"})
    assert "data-goes-on" not in admin.post(place, {"do": "step"}, headers=step).text
    assert Mailbox.objects.count() == 50
    assert "The import was stopped" in text(admin.get(url))

    admin.post(place, {"do": "go"})
    for _step in range(2):
        admin.post(place, {"do": "step"}, headers=step)
    assert Mailbox.objects.count() == 120
    assert admin.get(url).context["found"]["made"] == 120


def test_what_was_stopped_for_good_is_begun_anew_with_the_lines_that_are_left(
    admin, checked, run, fifty_together
):
    url = checked(admin, many(60))
    place = admin.post(url, {"do": "begin"}).url.partition("?")[0]
    admin.post(place, {"do": "step"}, headers={"HX-Request": "true"})
    admin.post(place, {"do": "end"})
    run(admin, url)
    assert Mailbox.objects.count() == 60
    assert Task.objects.count() == 2


def test_two_clicks_upload_once_and_begin_once(sign_in, make_admin, example_org, upload, checked):
    admin = sign_in(make_admin(domains=["example.org"]))
    token = "t" * 64
    first, second = (upload(admin, ANN, csrfmiddlewaretoken=token) for _click in range(2))
    assert (first.status_code, first.url) == (second.status_code, second.url)
    assert FileImport.objects.count() == 1
    # Back, and another file chosen.
    assert upload(admin, many(1), csrfmiddlewaretoken=token).url != first.url

    url = checked(admin, ANN)
    sent = {"do": "begin", "csrfmiddlewaretoken": token}
    assert admin.post(url, sent).url == admin.post(url, sent).url
    assert Task.objects.count() == 1


def test_two_that_begin_at_once_share_the_task(admin, checked):
    url = checked(admin, ANN)
    assert admin.post(url, {"do": "begin"}).url == admin.post(url, {"do": "begin"}).url
    assert Task.objects.count() == 1


def test_while_it_runs_nothing_else_is_done_with_the_file(admin, checked):
    url = checked(admin, ANN + "bob@example.org;Bob;\n")
    admin.post(url, {"do": "begin"})
    for what in ("delete", "again", "correct", "leave-out"):
        admin.post(url, {"do": what, "line": "2", "to-name": "x"})
    assert set(FileLine.objects.values_list("state", flat=True)) == {"good"}
    assert "Correct" not in text(admin.get(url))


def test_the_lines_are_paged_with_as_many_statements_for_three_as_for_one(admin, checked):
    one = checked(admin, ANN)
    three = checked(admin, many(3))
    large = checked(admin, many(120))
    admin.get(one)
    counts = []
    for url in (one, three, large):
        with CaptureQueriesContext(
            connection,
        ) as found:
            admin.get(url)
        counts.append(len(found))
    assert len(set(counts)) == 1

    page = admin.get(large)
    assert len(page.context["lines"]) == 50
    last = admin.get(f"{large}?after=101")
    assert [line["number"] for line in last.context["lines"]] == list(range(102, 122))


def test_lines_with_errors_are_shown_alone(admin, checked):
    url = checked(admin, "Adresse\nann@example.org\nx@other.net\n")
    page = admin.get(f"{url}?show=bad")
    assert [line["number"] for line in page.context["lines"]] == [3]


def test_lines_are_checked_in_steps(admin, checked, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.pages.STEP_SECONDS", 0)
    monkeypatch.setattr("mailadmin.file_import.judging.TOGETHER", 2)
    url = checked(admin, many(3))
    page = admin.get(url)
    assert "0 of 4" in text(page)
    assert admin.post(url, {"do": "begin"}).url == url
    monkeypatch.setattr("mailadmin.file_import.pages.STEP_SECONDS", 3600)
    part = admin.post(url, {"do": "check"}, headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == url
    assert "3 lines are good" in text(admin.get(url))


# --- Columns


def test_no_page_shows_a_password_of_the_file(admin, upload, checked):
    data = "Adresse;Geheimnis;Passwort\n;tangerine-7;bicycle-8\n"
    page = admin.get(upload(admin, data).url)
    assert "tangerine" not in page.text
    assert "bicycle" not in page.text
    url = checked(admin, "Adresse;Passwort;Aktiv\n;bicycle-8;\n;bicycle-9;ja\n")
    assert [line["title"] for line in admin.get(url).context["lines"]] == ["empty", "ja"]
    assert "bicycle" not in admin.get(url).text


def test_what_columns_mean_is_remembered_for_the_account(
    admin, checked, upload, sign_in, make_admin
):
    data = "Adresse;Spitzname\nann@example.org;Annie\n"
    checked(admin, data, column_1="name")
    page = admin.get(upload(admin, data).url)
    assert page.context["form"]["column_1"].value() == "name"
    assert FileColumns.objects.get().admin == "theirs@example.org"

    other = sign_in(make_admin(superadmin=True))
    page = other.get(upload(other, data).url)
    assert page.context["form"]["column_1"].value() == "-"


def test_two_columns_cannot_hold_the_same_and_what_a_line_needs_must_be_there(admin, upload):
    url = upload(admin, "Adresse;Name\nann@example.org;Ann\n").url
    twice = admin.post(
        url, {"column_0": "name", "column_1": "name", "umlauts": "two", "how": "made"}
    )
    assert list(twice.context["form"].errors) == ["column_0", "column_1"]
    none = admin.post(url, {"column_0": "quota", "column_1": "-", "umlauts": "two", "how": "made"})
    assert "No column holds what each line needs: Address." in text(none)
    assert (twice.status_code, none.status_code) == (422, 422)


def test_a_file_without_headings_begins_with_its_first_row(admin, checked, lines):
    checked(admin, "ann@example.org\nbob@example.org\n")
    assert sorted(lines()) == [1, 2]


def test_a_workbook_is_imported(admin, upload, checked, lines):
    checked(admin, workbook([["Vorname", "Nachname"], ["Zoë", "Groß"]]), domain="example.org")
    assert lines() == {2: ("good", "zoe.gross@example.org", [])}


def test_files_of_other_servers_are_imported(superadmin, checked, lines):
    checked(superadmin, f"ann@example.org:{HASH}:::::\n", format="passwd")
    assert lines() == {1: ("good", "ann@example.org", [])}
    checked(superadmin, "sales@example.org ann@example.org\n", "alias", format="map")
    assert lines() == {1: ("good", "sales@example.org", [])}


def test_a_formula_in_the_result_is_a_text(admin, checked, run):
    url = checked(admin, "Adresse;Name\n=cmd@example.org;x\nann@example.org;=1+1\n")
    run(admin, url)
    rows = table(result(admin, url))
    assert not any(cell.startswith("=") for row in rows for cell in row)


# --- What is not taken


def test_a_file_that_is_too_large_is_not_kept(admin, upload, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.receiving.MOST_BYTES", 100)
    response = upload(admin, "x" * 70_000)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["file"]
    assert FileImport.objects.count() == 0


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n\x00\x01", b"\xd0\xcf\x11\xe0\0\0\0\0", b"PK\x03\x04x", b"", b"Adresse\n"]
)
def test_a_file_of_another_type_is_refused(admin, upload, data):
    response = upload(admin, data)
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["file"])
    assert FileImport.objects.count() == 0


def test_an_account_has_only_some_files_at_once(admin, upload):
    for _time in range(file_imports.MOST_OF_ONE):
        assert upload(admin, ANN).status_code == 302
    assert upload(admin, ANN).status_code == 422
    admin.post(FileImport.objects.first().get_absolute_url(), {"do": "delete"})
    assert upload(admin, ANN).status_code == 302


def test_a_file_is_its_own_admins_alone(admin, checked, sign_in, make_admin, add_mailbox):
    url = checked(admin, ANN)
    pages = [url, f"{url}columns/"]
    others = [make_admin(superadmin=True), make_admin("b@x.example", domains=["example.org"])]
    for account in [*others, add_mailbox("joe@example.org")]:
        client = sign_in(account)
        assert [client.get(page).status_code for page in pages] == [404, 404]
        assert [client.post(page).status_code for page in [*pages, f"{url}result/"]] == [404] * 3
    assert Client().get(url).status_code == 302
    assert FileImport.objects.count() == 1


def test_mailbox_users_and_strangers_upload_nothing(upload, sign_in, add_mailbox, example_org):
    joe = sign_in(add_mailbox("joe@example.org"))
    assert upload(joe, ANN).status_code == 404
    assert joe.get(reverse("imports")).status_code == 404
    assert upload(Client(), ANN).status_code == 302
    assert FileImport.objects.count() == 0


def test_no_other_page_takes_a_file(admin, example_org):
    from django.core.files.uploadedfile import SimpleUploadedFile

    response = admin.post(reverse("mailbox-create"), {"file": SimpleUploadedFile("x", b"x")})
    assert response.status_code == 400


@pytest.mark.parametrize("key", ["x", "0", "99999999999999999999", "-1"])
def test_a_file_that_is_not_there_is_not_found(admin, key):
    assert admin.get(reverse("import", args=[key])).status_code == 404
    assert admin.post(reverse("import-result", args=[key])).status_code == 404


def test_the_lists_lead_to_the_import(admin, add_mailbox):
    add_mailbox("ann@example.org")
    assert f"{reverse('imports')}?kind=mailbox" in admin.get(reverse("mailbox-list")).text
    assert bounds.MOST_LINES == 100_000
    assert admin.get(f"{reverse('imports')}?kind=alias").context["form"]["kind"].value() == "alias"
    assert told(admin.get(reverse("imports"))) == []
