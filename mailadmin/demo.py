from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Admin, LogEntry
from accounts.passwords import generate_password
from accounts.services import create_admin, update_admin
from aliases.models import Alias
from aliases.services import create_alias, delete_alias, update_alias
from domains import dkim
from domains.models import AliasDomain, Domain
from domains.services import create_alias_domain, create_domain, update_domain
from mailadmin import demo_deliveries, demo_fetching, demo_history, demo_people, demo_reports
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import create_mailbox, delete_mailbox, set_mailbox_active, update_mailbox
from panel.addresses import display_domain, normalise_domain, split_address

HISTORY = timedelta(days=24)

# Limits: mailboxes, aliases, MB for one mailbox, MB for all.
DOMAINS = [
    ("brightwater.example", "Brightwater Sailing School", "ole.tangen", (16, 20, 4096, 40960)),
    ("harbour-books.example", "Harbour Books & Café", "nadia", (10, 12, 2048, 10240)),
    ("müller.example", "Orgelbau Müller, Werkstatt und Büro", "friederike", (0, 0, 0, 0)),
]
ALIAS_DOMAIN = ("brightwater-sailing.example", "The school’s old name")
BACKUP_MX = ("lakeside-archive.example", "We keep mail while their server is away")

# Name before the @, whose it is, MB, percent used.
MAILBOXES = {
    "brightwater.example": [
        ("ole.tangen", "Ole Tangen", 4096, 61),
        ("maria.castellanos", "María Castellanos", 2048, 97),
        ("priya.raman", "Priya Raman", 2048, 34),
        ("tomasz.zielinski", "Tomasz Zieliński", 2048, 88),
        ("grace.okafor", "Grace Okafor", 2048, 12),
        ("luc.moreau", "Luc Moreau", 2048, 72),
        ("hanna.virtanen", "Hanna Virtanen", 1024, 99),
        ("bookings", "Course bookings", 4096, 91),
        ("boatyard", "Boatyard", 1024, 45),
        ("yuki.tanaka", "Yuki Tanaka", 1024, 3),
        ("sam.whitlock", "Sam Whitlock", 1024, 57),
        ("invoices", "Invoices", 4096, 26),
        ("newsletter", "Newsletter", 512, 8),
        ("rafael.duarte", "Rafael Duarte", 1024, 66),
        ("ingrid.holm", "Ingrid Holm", 1024, 0),
    ],
    "harbour-books.example": [
        ("nadia", "Nadia Haddad", 2048, 58),
        ("counter", "At the counter", 1024, 85),
        ("orders", "Book orders", 2048, 93),
        ("connor", "Connor Byrne", 1024, 21),
        ("events", "Readings and events", 512, 40),
        ("leila", "Leila Farahani", 1024, 76),
        ("kitchen", "Café kitchen", 512, 5),
    ],
    "müller.example": [
        ("friederike", "Friederike Müller", 0, 18),
        ("werkstatt", "Werkstatt", 5000, 86),
        ("jonas.weiss", "Jonas Weiß", 2000, 49),
        ("buero", "Büro", 0, 31),
        ("aylin", "Aylin Yıldız", 1000, 64),
    ],
}
FORMER = "piet.de.vries@brightwater.example"  # was here, and is still in an alias
ON_LEAVE = "sam.whitlock@brightwater.example"

ALIASES = [
    ("info@brightwater.example", ["bookings", "ole.tangen"]),
    (
        "team@brightwater.example",
        ["maria.castellanos", "priya.raman", "grace.okafor", "luc.moreau"],
    ),
    ("instructors@brightwater.example", ["hanna.virtanen", "rafael.duarte", "piet.de.vries"]),
    ("jobs@brightwater.example", ["ingrid.holm", "applications@recruiting.example"]),
    ("regatta2019@brightwater.example", ["boatyard"]),
    ("m.castellanos@brightwater.example", ["maria.castellanos"]),
    ("@harbour-books.example", ["counter"]),
    ("shop@harbour-books.example", ["orders", "counter"]),
    ("press@harbour-books.example", ["nadia", "desk@agency.example"]),
    ("bookclub@harbour-books.example", ["events", "leila"]),
    ("info@müller.example", ["buero"]),
    ("notdienst@müller.example", ["friederike", "jonas.weiss", "werkstatt"]),
]

DOMAIN_ADMINS = [
    ("office@brightwater.example", ["brightwater.example", ALIAS_DOMAIN[0]]),
    ("services@northpier.example", ["harbour-books.example", "müller.example"]),
]
FORMER_ADMIN = "trainee@northpier.example"
MAILBOX_USER = "maria.castellanos@brightwater.example"


def is_there():
    return Domain.objects.filter(pk=DOMAINS[0][0]).exists()


@transaction.atomic
def fill(superadmin, progress=iter):
    """Create all or nothing, through the services, and return ``[(login, role)], password``.

    ``progress`` wraps the list of mailboxes: each costs one password hash. All accounts have the same
    generated password.
    """
    superadmin.client_ip = "198.51.100.7"
    before = LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    password = generate_password()
    domains = _domains(superadmin)
    admins = _admins(superadmin, password)
    actors = {
        normalise_domain(name): admin
        for admin, (_login, names) in zip(admins, DOMAIN_ADMINS, strict=True)
        for name in names
    }
    _mailboxes(domains, actors, password, progress)
    for address, targets in ALIASES:
        _alias(domains, superadmin, actors, address, targets)
    _changes(superadmin, domains, actors)
    sailing = domains[DOMAINS[0][0]]
    demo_people.write(superadmin, actors[sailing.pk], sailing, MAILBOX_USER)
    demo_fetching.write(superadmin)
    dkim.create_keys(actor=superadmin, domain=sailing)
    _spread_history(before)
    demo_history.write()
    demo_reports.write()
    demo_deliveries.write()
    roles = [
        (admin.pk, "administrator of " + ", ".join(map(display_domain, admin.domain_names)))
        for admin in admins
    ]
    return [*roles, (MAILBOX_USER, "mailbox user")], password


def _domains(actor):
    domains = {}
    for name, description, role_target, limits in DOMAINS:
        mailboxes, aliases, maxquota, quota = limits
        domains[name] = create_domain(
            actor=actor,
            name=name,
            description=description,
            role_target=role_target,
            mailboxes=mailboxes,
            aliases=aliases,
            maxquota=maxquota,
            quota=quota,
        )
    name, description = ALIAS_DOMAIN
    domains[name] = create_domain(actor=actor, name=name, description=description)
    create_alias_domain(
        actor=actor, alias_domain=domains[name], target_domain=domains[DOMAINS[0][0]]
    )
    name, description = BACKUP_MX
    create_domain(
        actor=actor,
        name=name,
        description=description,
        backupmx=True,
        mailboxes=-1,
        transport=f"smtp:[mx.{name}]:25",
    )
    return domains


def _admins(actor, password):
    admins = [
        create_admin(
            actor=actor,
            username=login,
            password=password,
            domains=[normalise_domain(name) for name in names],
        )
        for login, names in DOMAIN_ADMINS
    ]
    for number, admin in enumerate(admins):
        admin.client_ip = f"192.0.2.{17 + number}"
    former = create_admin(
        actor=actor,
        username=FORMER_ADMIN,
        password=password,
        domains=[DOMAINS[1][0]],
    )
    update_admin(actor=actor, admin=former, active=False)
    return admins


def _mailboxes(domains, actors, password, progress):
    everybody = [(name, *row) for name, rows in MAILBOXES.items() for row in rows]
    local_part, name = split_address(FORMER)
    everybody.append((name, local_part, "Piet de Vries", 1024, 0))
    used = []
    for name, local_part, owner, mb, percent in progress(everybody):
        domain = domains[name]
        mailbox = create_mailbox(
            actor=actors[domain.pk],
            domain=domain,
            local_part=local_part,
            password=password,
            name=owner,
            quota=mb * settings.QUOTA_MULTIPLIER,
        )
        size = (mb or 3000) * settings.QUOTA_MULTIPLIER * percent // 100
        if size:
            used.append(QuotaUsage(username=mailbox, bytes=size, messages=size // 61_000 + 1))
    QuotaUsage.objects.bulk_create(used)  # what Dovecot would have written


def _alias(domains, superadmin, actors, address, targets):
    local_part, name = split_address(address)
    domain = domains[name]
    # With EXTERNAL_TARGETS off, only a superadmin may send mail on to external addresses.
    leads_outside = any("@" in target for target in targets)
    return create_alias(
        actor=superadmin if leads_outside else actors[domain.pk],
        domain=domain,
        local_part=local_part,
        targets=[target if "@" in target else f"{target}@{domain.pk}" for target in targets],
    )


def _changes(superadmin, domains, actors):
    sailing, books = domains["brightwater.example"], domains["harbour-books.example"]
    captain, shopkeeper = actors[sailing.pk], actors[books.pk]
    mb = settings.QUOTA_MULTIPLIER

    short_lived = _alias(domains, superadmin, actors, "openday@brightwater.example", ["bookings"])
    delete_alias(actor=captain, alias=short_lived)
    delete_mailbox(actor=captain, mailbox=Mailbox.objects.get(pk=FORMER))
    update_mailbox(
        actor=captain, mailbox=Mailbox.objects.get(pk="yuki.tanaka@" + sailing.pk), quota=1536 * mb
    )
    set_mailbox_active(actor=captain, mailbox=Mailbox.objects.get(pk=ON_LEAVE), active=False)
    update_alias(
        actor=captain,
        alias=Alias.objects.get(pk="regatta2019@" + sailing.pk),
        active=False,
        description="Over since the regatta",
    )
    set_forwarding(
        actor=superadmin,
        mailbox=Mailbox.objects.get(pk="luc.moreau@" + sailing.pk),
        targets=["luc@moreau-family.example"],
        keep_copy=True,
    )
    set_forwarding(
        actor=shopkeeper,
        mailbox=Mailbox.objects.get(pk="kitchen@" + books.pk),
        targets=["counter@" + books.pk],
        keep_copy=False,
    )
    update_mailbox(
        actor=shopkeeper, mailbox=Mailbox.objects.get(pk="events@" + books.pk), smtp_active=False
    )
    update_domain(actor=superadmin, domain=books, description="Harbour Books & Café, Pier 4")


def _spread_history(before):
    entries = list(LogEntry.objects.filter(pk__gt=before).order_by("pk"))
    models = {
        "create_domain": [Domain],
        "create_alias_domain": [AliasDomain],
        "create_mailbox": [Mailbox, Alias],
        "create_alias": [Alias],
        "create_admin": [Admin],
    }
    now = timezone.now()
    for number, entry in enumerate(entries, start=1):
        entry.timestamp = now - HISTORY * (1 - number / len(entries)) ** 2
        for model in models.get(entry.action, []):
            rows = model.objects.filter(pk=entry.data)
            rows.update(created=entry.timestamp, modified=entry.timestamp)
    LogEntry.objects.bulk_update(entries, ["timestamp"], batch_size=100)
