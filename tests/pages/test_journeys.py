from django.urls import reverse

from aliases.models import Alias
from mailboxes.models import Mailbox
from tests.pages.reading import error_codes

MOST_BYTES = 100_000


def test_a_list_of_four_hundred_members_comes_from_a_mail_program_as_it_is(admin):
    members = [f"member{number}@elsewhere.example" for number in range(400)]
    pasted = "; ".join(f'"Member, {number}" <{who}>' for number, who in enumerate(members))
    everyone = {"local_part": "everyone", "domain": "example.org", "targets": pasted}

    assert admin.post(reverse("alias-create"), everyone).status_code == 302

    assert Alias.objects.get().targets == members
    for page in (reverse("alias", args=["everyone@example.org"]), reverse("alias-list")):
        answer = admin.get(page)
        assert (answer.status_code, len(answer.content) < MOST_BYTES) == (200, True)
    form = admin.get(reverse("alias-edit", args=["everyone@example.org"])).context["form"]
    left = [who for who in form["targets"].value().splitlines() if who != members[7]]
    changed = form.initial | {"targets": "\n".join([*left, "new@elsewhere.example"])}
    assert (
        admin.post(
            reverse("alias-edit", args=["everyone@example.org"]),
            {name: value for name, value in changed.items() if value is not None},
        ).status_code
        == 302
    )
    assert Alias.objects.get().targets == [
        *members[:7],
        *members[8:],
        "new@elsewhere.example",
    ]


def test_a_reseller_works_in_thirty_domains_and_finds_nothing_beside_them(
    as_admin, add_domain, make_admin
):
    names = [f"shop{number}.example" for number in range(30)]
    for name in names:
        add_domain(name, maxquota=500)
    add_domain("neighbour.example")
    reseller = as_admin(*names)
    page = reseller.get(reverse("domain-list"), {"size": 50}).content.decode()

    assert [name for name in names if f'"/domains/{name}/"' not in page] == []
    assert "neighbour.example" not in page
    for name in names[::7]:
        mailbox = {"local_part": "info", "domain": name, "password": "tangerine-7-bicycle"}
        too_large = mailbox | {"quota_mb": "501", "active": "on"}
        refused = reseller.post(reverse("mailbox-create"), too_large)
        assert error_codes(refused) == {"quota_mb": ["above_maxquota"]}
        reseller.post(reverse("mailbox-create"), too_large | {"quota_mb": "500"})
        assert Mailbox.objects.filter(pk=f"info@{name}").exists()
    beside = [
        *("/domains/new/", "/domains/shop3.example/edit/", "/domains/shop3.example/delete/"),
        *("/administrators/", "/administrators/new/", "/domains/neighbour.example/"),
    ]
    assert {path: reseller.get(path).status_code for path in beside} == dict.fromkeys(beside, 404)
