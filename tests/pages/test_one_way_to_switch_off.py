import pytest
from django.apps import apps
from django.urls import reverse

from domains.services import create_alias_domain

FORMS = {
    "domain": ("example.org", {"description": "Sales", "mailboxes_0": "unlimited"}),
    "aliasdomain": ("twin.example", {"target_domain": "example.org", "description": "Sales"}),
    "mailbox": ("joe@example.org", {"name": "Joe", "quota_mb": "0", "smtp_active": "on"}),
    "alias": ("sales@example.org", {"targets": "joe@example.org", "description": "Sales"}),
    "admin": ("ann@example.org", {"domains": "example.org", "phone": "112"}),
}
LIMITS = {f"{limit}_0": "unlimited" for limit in ("aliases", "mailboxes", "maxquota", "quota")}


@pytest.fixture
def world(add_domain, example_org, add_mailbox, add_alias, make_admin):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    make_admin("ann@example.org", domains=["example.org"])


@pytest.mark.parametrize("kind", FORMS)
def test_saving_a_row_without_a_tick_leaves_it_active(kind, superadmin, world):
    key, values = FORMS[kind]
    address = reverse(f"{kind}-edit", args=[key])

    page = superadmin.get(address)
    done = superadmin.post(address, values | (LIMITS if kind == "domain" else {}))

    assert "active" not in page.context["form"].fields
    assert done.status_code == 302
    [model] = [model for model in apps.get_models() if model._meta.model_name == kind]
    assert model.objects.get(pk=key).active is True


@pytest.mark.parametrize("kind", FORMS)
def test_a_new_row_is_active_and_its_form_asks_nothing_about_it(kind, superadmin):
    assert "active" not in superadmin.get(reverse(f"{kind}-create")).context["form"].fields
