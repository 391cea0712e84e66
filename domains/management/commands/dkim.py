import sys

from django.core.management.base import CommandError

from domains import dkim
from domains.commands import DomainRowCommand
from domains.dkim_keys import ED25519, REPLACED, RSA, DKIMKey, keys_of
from domains.dns import states
from domains.dns.findings import quoted
from domains.models import Domain
from panel.addresses import display_domain
from panel.output import Column, Field


class Command(DomainRowCommand):
    help = (
        "Make, list and change the keys that sign the domains' mail (DKIM). A key signs once its record was seen in"
        " the DNS. Private halves are never printed."
    )
    noun, nouns = "key", "keys"
    key = ("DOMAIN", "example.org")
    verbs = {
        "add": "Make the keys that a domain lacks, two at first; or take over one from standard input.",
        "list": "List keys. In a pipe: tab-separated domain, selector, what it does.",
        "show": "Show the keys of one domain, with the records to publish.",
        "sign": "Let another key sign. The DNS is asked first whether its record is there.",
        "delete": "Delete all keys of domains, or one that does not sign.",
        "retire": "Delete the keys that were replaced ten days ago. The timer for checkdns does that, too.",
    }
    columns = [
        Column("Domain", lambda record: display_domain(record["domain"])),
        Column("Selector", lambda record: record["selector"]),
        Column("Key", lambda record: record["role"]),
    ]
    piped = ("domain", "selector", "role")
    fields = [
        Field("Domain", "domain", display_domain),
        Field("Selector", "selector"),
        Field("Key", "role"),
        Field("Record", "record"),
        Field("Created", "created"),
        Field("Replaced", "replaced"),
    ]
    words = {"selector": "Selector", "private_key": "Key"}

    def options_for_add(self, parser):
        self.names_option(parser)
        parser.add_argument(
            "--selector",
            metavar="NAME",
            help="Take over a key that signed elsewhere: its selector. The key is read from standard input, PEM.",
        )
        parser.add_argument(
            "--ed25519",
            action="store_true",
            help="Keys of this kind, which sign beside the RSA key, where the signer takes them: rspamd does.",
        )
        self.json_option(parser)

    def options_for_list(self, parser):
        parser.add_argument("--domain", metavar="DOMAIN", help="Only of this domain.")
        self.json_option(parser)

    def options_for_sign(self, parser):
        self.name_option(parser)
        parser.add_argument("--selector", metavar="NAME", help="Which key; else the next one.")
        parser.add_argument(
            "--force",
            action="store_true",
            help="Even if the DNS does not show its record: receivers cannot check the signatures then.",
        )
        self.json_option(parser)

    def options_for_delete(self, parser):
        self.names_option(parser)
        parser.add_argument("--yes", action="store_true", help="Skip the confirmation.")
        parser.add_argument(
            "--selector", metavar="NAME", help="Only this key, which must not sign."
        )

    def options_for_retire(self, parser):
        pass

    def add(self, *, names, selector, ed25519, json, **options):
        if selector:
            if len(names) > 1 or "-" in names:
                raise CommandError("A key is taken over for one domain at a time.")
            key = dkim.import_key(
                actor=None,
                domain=self.domain(names[0]),
                selector=selector,
                pem=sys.stdin.buffer.read(),
            )
            self.report("Created", key, json=json)
            return

        def one(name, say):
            kind = ED25519 if ed25519 else RSA
            for key in dkim.create_keys(actor=None, domain=self.domain(name), kind=kind):
                self.report("Created", key, say=say, json=json)

        self.each(names, one, done="with keys", json=json)

    def list(self, *, domain, json, **options):
        rows = DKIMKey.objects.with_roles()
        if domain:
            rows = rows.filter(domain_name=self.domain(domain))
        self.print_list(rows, "domain_name", "pk", json=json)

    def show(self, *, name_given, json, **options):
        domain = self.domain(name_given)
        keys = keys_of(domain.pk).get(domain.pk)
        if not keys:
            raise CommandError(f"{domain} has no key. Make some: manage.py dkim add {domain.pk}")
        for key in keys:
            self.print_one(key, json=json)

    def sign(self, *, name_given, selector, force, json, **options):
        domain = Domain.objects.select_related("alias_of").get(pk=self.domain(name_given).pk)
        if not force:
            states.check_and_store(domain)
        if not selector:
            keys = keys_of(domain.pk).get(domain.pk, ())
            waiting = [key for key in keys if not key.signs and key.role != REPLACED]
            if not waiting:
                raise CommandError(f"{domain} has no key that comes next.")
            selector = waiting[0].selector
        key = dkim.sign_with(actor=None, domain=domain, selector=selector, force=force)
        self.report("Signing with", key, json=json)

    def delete(self, *, names, yes, selector, **options):
        if not yes:
            if "-" in names:
                raise CommandError("Names from standard input are deleted only with --yes.")
            rows = [self.domain(name) for name in dict.fromkeys(names)]
            self.confirm(
                rows, [f"Mail from {row} is not signed any more." for row in rows if not selector]
            )

        def one(name, say):
            domain = self.domain(name)
            if selector:
                dkim.delete_key(actor=None, domain=domain, selector=selector)
            else:
                dkim.delete_keys(actor=None, domain=domain)
            say(f"Deleted {'key ' + selector if selector else 'the keys'} of {domain}.")

        self.each(names, one, done="deleted", json=False)

    def retire(self, **options):
        for name in dkim.retire_keys():
            self.stdout.write(f"Deleted key {name}. Its record in the DNS may go.")

    def record(self, key):
        return {
            "domain": key.domain_name_id,
            "selector": key.selector,
            "role": key.role,
            "record": f"{key}. IN TXT {quoted(key.record)}" if key.record else "",
            "created": key.created,
            "replaced": key.replaced,
        }
