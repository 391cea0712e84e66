import pytest
from django.db import transaction
from hypothesis import Phase, assume, given, settings

from aliases.loops import all_hops, exceeds_expansion_limit, find_loop
from django.core.exceptions import ValidationError
from domains.models import AliasDomain
from domains.parting import part_alias_domain
from tests.contract.test_nobody_is_bounced import RECIPIENTS, store, worlds
from tests.domains.ways import Ways


@settings(max_examples=60, derandomize=True, phases=[Phase.generate])
@given(world=worlds)
def test_mail_ends_where_it_ended_whatever_the_tables_hold(db, world):
    world["twins"] -= {"a.example", "b.example"}
    links = world["links"]
    # As the panel has them: no chains.
    world["links"] = {a: to for a, to in links.items() if a != "a.example" and to[0] != "b.example"}
    world["links"]["b.example"] = ("a.example", True)
    with transaction.atomic():
        store(world)
        hops = all_hops(RECIPIENTS)
        loops = any(find_loop(a, hops) or exceeds_expansion_limit(a, hops) for a in RECIPIENTS)
        before = Ways()
        before = {address: before(address) for address in RECIPIENTS}
        link = AliasDomain.objects.get(pk="b.example")
        done = refused = None
        try:
            part_alias_domain(actor=None, link=link)
            done = True
        except ValidationError as error:
            refused = error
        after = Ways()
        after = {address: after(address) for address in RECIPIENTS}
        transaction.set_rollback(True)
    assume(done and not loops)
    assert after == before
