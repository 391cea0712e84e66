import random
import subprocess

import pytest

from aliases.answers import ACCEPTED, ELSEWHERE, OFF, PASSED_ON, REFUSED, answer
from aliases.lookup import keys_of
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import split_address, split_targets
from tests.contract import tables
from tests.servers.processes import find

NUMBER = 1_000


@pytest.fixture(scope="module")
def addresses(empty_world):
    """Each name that is stored anywhere, some that are nowhere, with and without an extension, in
    each domain."""
    tables.fill(empty_world)
    stored = [
        *Alias.objects.values_list("pk", flat=True),
        *Mailbox.objects.values_list("pk", flat=True),
    ]
    names = {split_address(key)[0] for key in stored} - {""} | {"zoe", "nobody.at.all"}
    names |= {f"{name}+tag" for name in names if "+" not in name}
    domains = [*Domain.objects.values_list("pk", flat=True), "elsewhere.test"]
    every = sorted({*stored, *(f"{name}@{domain}" for name in names for domain in domains)})
    chosen = random.Random(2).sample(every, NUMBER)
    return [key for key in chosen if not key.startswith("@")]


def test_the_card_is_what_postmap_answers(addresses, postfix):
    keys = {key for address in addresses for key in keys_of(address)}
    table = f"mysql:{postfix.maps}/alias.cf"
    command = [find("postmap"), "-c", postfix.conf, "-q", "-", table]
    run = subprocess.run(command, input="\n".join(sorted(keys)), capture_output=True, text=True)
    assert (run.stderr, run.returncode) == ("", 0)
    told = dict(line.lower().split("\t", 1) for line in run.stdout.split("\n")[:-1])

    def by_postfix(address):
        answered = next((told[key] for key in keys_of(address) if key in told), "")
        return set(split_targets(answered))

    def by_card(address):
        card = answer(None, address)
        shown = {str(t.address).lower() for t in card.targets if not t.undeliverable}
        assert set(card.reached) == shown | ({card.row} if card.keeps_copy else set())
        return set(card.reached)

    cards = {address: by_card(address) for address in addresses}
    assert cards == {address: by_postfix(address) for address in addresses}
    assert sum(map(bool, cards.values())) > NUMBER // 10


def test_the_card_says_what_becomes_of_the_mail(addresses):
    kinds = {}
    for address in addresses:
        card = answer(None, address)
        domain = Domain.objects.filter(pk=split_address(address)[1]).first()
        if domain is None:
            expected = ELSEWHERE
        elif not domain.active:
            expected = OFF
        elif card.reached:
            expected = ACCEPTED
        else:
            expected = PASSED_ON if domain.backupmx else REFUSED
        assert card.kind == expected
        kinds[card.kind] = kinds.get(card.kind, 0) + 1

    assert set(kinds) == {ACCEPTED, REFUSED, OFF, PASSED_ON, ELSEWHERE}
