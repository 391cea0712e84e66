from itertools import islice

from django.core.management.base import CommandError

from domains import words
from domains.models import Domain
from panel.addresses import lookup_key, normalise_domain
from panel.commands import RowCommand

COPIES_TOLD = 10


class DomainRowCommand(RowCommand):
    word_kind = None  # of the words by which --search finds its rows

    def search_option(self, parser):
        if self.word_kind is None:
            super().search_option(parser)
            return
        parser.add_argument(
            "--search",
            metavar="TEXT",
            help="Only those that have each word of TEXT, or words that begin so, as the pages search.",
        )

    def found(self, rows, search, domain=None):
        """The rows that the panel's list would find, in its order; None where it looks at the beginning of keys."""
        text = lookup_key(search)
        if "@" in text and rows.search(text).exists():
            return None
        asked = words.words_of(text)
        if not asked:
            return iter(())
        names = (domain.pk,) if domain else ()
        return self._rows_of(rows, words.every_key([self.word_kind], asked, names))

    def about_copies(self, copies):
        found = list(copies[: COPIES_TOLD + 1])
        if found:
            more = " and others" if len(found) > COPIES_TOLD else ""
            yield f"Copies end: {', '.join(map(str, found[:COPIES_TOLD]))}{more}."

    def _rows_of(self, rows, keys):
        while some := list(islice(keys, words.TOGETHER)):
            by_key = rows.in_bulk(some)
            yield from (by_key[key] for key in some if key in by_key)

    def new_name_option(self, parser):
        parser.add_argument(
            "new_name",
            metavar="NEW",
            help="The new name before the @, or a whole address, in another domain too.",
        )

    def new_name(self, text, own_domain):
        local_part, _at, name = text.strip().partition("@")
        domain = self.domain(name) if name else own_domain.fresh()
        return {"local_part": local_part, "domain": domain}

    def domain(self, text):
        name = normalise_domain(text)
        domain = Domain.objects.select_related("usage").filter(pk=name).first()
        if domain is None:
            raise CommandError(
                f"There is no domain {name}. Is the name right? If so, add it first:"
                f" manage.py domain add {name}"
            )
        return domain
