from django.core.management.base import CommandError

from domains.models import Domain
from panel.addresses import normalise_domain
from panel.commands import RowCommand


class DomainRowCommand(RowCommand):
    def domain(self, text):
        name = normalise_domain(text)
        domain = Domain.objects.select_related("usage").filter(pk=name).first()
        if domain is None:
            raise CommandError(
                f"There is no domain {name}. Is the name right? If so, add it first:"
                f" manage.py domain add {name}"
            )
        return domain
