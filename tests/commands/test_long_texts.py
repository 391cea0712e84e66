import pytest
from django.core.management.base import CommandError

from panel.addresses import MAX_TYPED

MARKS = 10_000 * "\u0316\u0301"
LONG = [f"a{MARKS}", f"a@{MARKS}.example", f"a{MARKS}@example.org", f"a@{'xn--a.' * 5_000}org"]


@pytest.mark.parametrize("long", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize(
    "command",
    [
        "domain add LONG",
        "domain show LONG",
        "domain add new.example --role-target LONG",
        "domain edit example.org --transport LONG",
        "aliasdomain add LONG example.org",
        "aliasdomain add example.org LONG",
        "mailbox add LONG",
        "mailbox show LONG",
        "mailbox add new@example.org --name LONG",
        "mailbox add new@example.org --email-other LONG",
        "mailbox edit joe@example.org --forward LONG",
        "mailbox list --domain LONG",
        "alias add LONG joe@example.org",
        "alias add new@example.org LONG",
        "alias show LONG",
        "admin add LONG",
        "admin show LONG",
        "admin add new@example.org --domains LONG",
    ],
)
def test_an_argument(command, long, run, add_mailbox, example_org, longest, password):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError):
        run(*[long if word == "LONG" else word for word in command.split()], stdin=password)
    assert longest() <= MAX_TYPED


@pytest.mark.parametrize("long", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize("noun", ["domain", "mailbox", "alias", "admin"])
def test_a_search(noun, long, run, example_org, longest):
    assert run(noun, "list", "--search", long) == ""
    assert longest() <= MAX_TYPED
