"""Whatever the tables hold: mail for each address goes on to the mailbox, or the address elsewhere, that it went to."""

from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from aliases.loops import all_hops, exceeds_expansion_limit, find_loop
from aliases.models import AliasTarget
from domains.models import Domain
from mailboxes.domain_joining import join_domain
from mailboxes.joining import ADD, LEAVE, clashes_of
from mailboxes.models import Mailbox
from panel.addresses import split_address, without_extension
from tests.contract.test_nobody_is_bounced import RECIPIENTS, store, worlds
from tests.domains.ways import Ways

OLD, NEW = "b.example", "a.example"


def all_ends():
    asked = Ways()
    return {address: asked(address) for address in RECIPIENTS}


@settings(max_examples=60, derandomize=True, phases=[Phase.generate])
@given(
    world=worlds,
    choices=st.lists(st.sampled_from([ADD, LEAVE, "name"]), min_size=3, max_size=3),
)
def test_mail_ends_in_the_same_mailbox_whatever_the_tables_hold(db, world, choices):
    for name in ("inactive", "handed_on", "gateways"):
        world[name] -= {OLD, NEW}
    world["listed"] = []
    world["twins"] -= {OLD, NEW}
    world["links"] = {
        a: to for a, to in world["links"].items() if a not in {OLD, NEW} and to[0] != OLD
    }
    # What a catch-all takes, an address of the other domain has from then on: see test_domain_joining.py.
    names = {OLD, NEW, *world["links"], *world["twins"]}
    world["catch_alls"] = {a: row for a, row in world["catch_alls"].items() if a not in names}
    done = False
    with transaction.atomic():
        store(world)
        hops = all_hops(RECIPIENTS)
        loops = any(find_loop(a, hops) or exceeds_expansion_limit(a, hops) for a in RECIPIENTS)
        before = all_ends()
        # What leads to a name that is nobody's may lead to somebody afterwards, as with every new address.
        awaited = AliasTarget.objects.filter(domain__in=[OLD, NEW], unmatched=True).exists()
        boxes = {box.maildir: box.pk for box in Mailbox.objects.all()}
        domain, target = (Domain.objects.get(pk=name).fresh() for name in (OLD, NEW))
        answers = {"names": {}, "add": [], "leave": []}
        for clash, choice in zip(clashes_of(domain, target), choices, strict=False):
            if choice == ADD and ADD in clash.choices:
                answers["add"].append(clash.name)
            elif choice == LEAVE and LEAVE in clash.choices:
                answers["leave"].append(clash.name)
            else:
                answers["names"][clash.name] = (
                    f"old.{clash.name.partition('+')[0]}{len(clash.name)}"
                )
        try:
            join_domain(actor=None, domain=domain, target_domain=target, **answers)
            done = True
        except ValidationError:
            pass
        after = all_ends()
        moved = {boxes[box.maildir]: box.pk for box in Mailbox.objects.all()}
        transaction.set_rollback(True)
    assume(done and not loops and not awaited)

    def now(address):
        bare = without_extension(address)
        name, extension = (
            split_address(moved.get(bare, bare))[0],
            split_address(address)[0].removeprefix(split_address(bare)[0]),
        )
        return f"{name}{extension}@{split_address(moved.get(bare, bare))[1]}"

    wanted = {address: {now(end) for end in ends} for address, ends in before.items() if ends}
    lost = {a: (ends, after[a]) for a, ends in wanted.items() if not ends <= after[a]}
    assert lost == {}
