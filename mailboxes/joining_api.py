"""A domain becomes another name of another one, at /api/v1."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.rename_previews import foretold
from domains.alias_domain_api import AliasDomainBody, record
from domains.api import Name, domains, managed
from mailboxes import join_previews
from mailboxes.domain_joining import join_domain
from mailboxes.joining import MOST_OF_A_REQUEST, check_joining
from panel.api.schemas import Body, Text, example
from panel.api.writing import Done
from panel.scoping import may_open

router = Router(tags=["Domains"])


class JoinBody(Body):
    model_config = example(
        {"target_domain": "example.net", "names": {"info": "info.old"}, "leave": ["sales"]}
    )

    target_domain: Text = Field(description="The domain of which it becomes another name.")
    names: dict[str, str] = Field(
        default_factory=dict,
        description="Of names that are taken there: the other name that each address gets.",
    )
    add: list[str] = Field(
        default_factory=list,
        description="Names of aliases whose recipients are added to the alias that is there.",
    )
    leave: list[str] = Field(
        default_factory=list,
        description="Names of aliases that stay addresses of their own.",
    )


@router.post("/domains/{path:name}/join", auth=Token("domains:rename"), response=AliasDomainBody)
def join_domains(request, name: Name, body: JoinBody):
    """Move the mailboxes and aliases of a domain into another one, and make it another name of that. For superadmins.

    Names that are taken there need an answer each. A dry run tells what changes, and what does not go along, in the sentences of the page.
    """
    if not may_open(request.auth, superadmins_only=True):
        raise Http404
    return domains.do(request, name, act=lambda domain: _join(request, domain, body), pointers={})


def _join(request, domain, body):
    actor, also = request.auth, {}
    target = managed(actor, body.target_domain)
    if target is None:
        text = _("You manage no domain of this name. Check the spelling.")
        raise ValidationError({"target_domain": ValidationError(text, "unknown")})
    answers = {"names": body.names, "add": body.add, "leave": body.leave}
    most = MOST_OF_A_REQUEST
    if request.is_dry:
        rows = {"domain": domain.fresh(), "target": target.fresh()}
        plan = check_joining(actor=actor, most=most, **rows, **answers)
        also = foretold(join_previews.preview(plan))
    link = join_domain(actor=actor, domain=domain, target_domain=target, most=most, **answers)
    return Done(200, record(link), also=also)
