import logging
import socket
from datetime import timedelta
from typing import NamedTuple

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import override

from mailadmin.doctor import (
    database,
    deliveries,
    dovecot,
    machine,
    maps,
    panel,
    postfix,
    queue,
    sign_ins,
    webmail,
)
from mailadmin.doctor.checking import CHECKS, ERROR, Finding, Unseen
from mailadmin.doctor.host import Host
from panel.models import HostLook
from panel.transactions import in_transaction

log = logging.getLogger(__name__)
KEPT = timedelta(days=30)  # of a machine that is gone
SUBJECTS = {
    subject.__name__.rpartition(".")[2]: subject
    for subject in (
        *(postfix, maps, dovecot, queue, deliveries, sign_ins),
        *(webmail, machine, database, panel),
    )
}


class Look(NamedTuple):
    """``unseen``: [names of checks, why they could not look]."""

    findings: list
    unseen: list
    figures: dict


def subject_of(check):
    return check.function.__module__.rpartition(".")[2]


@override(None)  # what is stored is translated for who reads it
def look(subjects=SUBJECTS, *, before=None, anew=False):
    """Ask the checks of ``subjects``. What one of them cannot look at stops none of the others."""
    host, findings, unseen = Host(before, anew=anew), [], {}
    for check in CHECKS.values():
        if subject_of(check) not in subjects:
            continue
        try:
            found = list(check.function(host))
        except Unseen as error:
            unseen.setdefault(str(error), []).append(check.name)
        except DatabaseError as error:
            unseen.setdefault(f"the database: {error}", []).append(check.name)
        except Exception as error:
            log.exception("The check %s of the doctor failed", check.name)
            unseen.setdefault(f"it failed: {error!r}", []).append(check.name)
        else:
            findings += [Finding(check.name, one, one.get("about", "")) for one in found]
    findings.sort(key=lambda finding: finding.level != ERROR)  # errors first
    figures = {}
    if not isinstance(host.__dict__.get("facts", ""), str) and "ok" in host.facts.get("queue", {}):
        figures["messages"] = host.facts["queue"]["ok"]["messages"]
    return Look(findings, [[names, why] for why, names in unseen.items()], figures)


def look_and_store(**options):
    row = here()
    return store(look(before=row.figures if row else {}, **options))


def here():
    return HostLook.objects.filter(pk=socket.gethostname()).first()


@in_transaction
def store(found):
    # what could not be looked at this time is stored as it was: it is not gone
    name = socket.gethostname()
    row = HostLook.objects.select_for_update().filter(pk=name).first() or HostLook(pk=name)
    unseen = {name for names, _why in found.unseen for name in names}
    kept = [finding for finding in findings_of(row) if finding.name in unseen]
    row.findings = [list(finding) for finding in [*found.findings, *kept]]
    row.unseen, row.figures = found.unseen, row.figures | found.figures
    row.looked = timezone.now()
    row.save()
    HostLook.objects.filter(looked__lt=row.looked - KEPT).delete()
    return row


def findings_of(row):
    """The Findings of a HostLook. Those of a check that is gone are left out."""
    found = (Finding(*stored) for stored in row.findings)
    return [finding for finding in found if finding.name in CHECKS]
