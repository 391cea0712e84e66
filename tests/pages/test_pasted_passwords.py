import pytest
from django.urls import reverse

from accounts.models import Admin
from mailboxes.models import Mailbox
from tests.pages.reading import text

BLANK = "begins or ends with a blank"
HASH = "looks like a stored hash"


@pytest.fixture
def accounts(make_admin, add_mailbox, example_org):
    return {
        "superadmin": make_admin("root@example.org", superadmin=True),
        "other": make_admin("other@example.org"),
        "user": add_mailbox("joe@example.org"),
    }


def pages(password):
    old = {"old_password": password}
    new = {
        "local_part": "new",
        "domain": "example.org",
        "quota_mb": "1",
        "username": "new@example.org",
    }
    return [
        ("superadmin", reverse("mailbox-create"), new, "password"),
        ("superadmin", reverse("mailbox-password", args=["joe@example.org"]), {}, "password"),
        ("superadmin", reverse("admin-create"), new, "password"),
        ("superadmin", reverse("admin-password", args=["other@example.org"]), {}, "password"),
        ("superadmin", reverse("account"), old, "password"),
        ("user", reverse("own-password"), old, "password"),
    ]


@pytest.mark.parametrize("page", range(6))
@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("Winter2026!z ", BLANK),
        (" Winter2026!z", BLANK),
        ("{SHA512-CRYPT}$6$rounds=5000$saltsalt$x", HASH),
        ("$y$j9T$yIahuVXOHYIC8JsW0Tgsm.$21OD2zeyqks0BzFARl.Ht1Z2nDh8Jn6ijuHSoBnuwsC", HASH),
    ],
)
def test_what_was_pasted_by_mistake_is_named_at_its_field_and_nothing_is_stored(
    page, pasted, said, accounts, sign_in, password
):
    who, address, fields, name = pages(password)[page]

    answer = sign_in(accounts[who]).post(address, fields | {name: pasted})

    assert answer.status_code == 422
    assert said in text(answer)
    assert (Admin.objects.count(), Mailbox.objects.count()) == (2, 1)
    for account in (*Admin.objects.all(), *Mailbox.objects.all()):
        assert account.check_password(password) is True
