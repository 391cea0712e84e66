"""``python -m tests.bench.bulk NUMBER``: create NUMBER mailboxes by the service, and as many rows by SQL alone.

Both with the triggers, a thousand to a transaction, in turn. Then NUMBER lines of a file, checked and imported. Prints one line of JSON:
mailboxes per second.
"""

import io
import json
import resource
import sys
import time

import django
from django.db import connection, transaction

BATCH = 1_000
HASH = "{SHA512-CRYPT}$6$rounds=5000$saltsalt$" + "x" * 86
SQL = [
    "INSERT INTO alias (address, goto, domain, created, modified, active, description, is_self_alias)"
    " SELECT CONCAT(name, '@', home), CONCAT(name, '@', home), home, NOW(), NOW(), 1, '', 1 FROM made",
    "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, created, modified, active)"
    " SELECT CONCAT(name, '@', home), %(hash)s, 'Bench', CONCAT(home, '/', name, '/'), 204800000, name, home, NOW(), NOW(), 1"
    " FROM made",
    "INSERT INTO log (timestamp, username, domain, action, data)"
    " SELECT NOW(), 'CLI (localhost)', home, 'create_mailbox', CONCAT(name, '@', home) FROM made",
]
MADE = "(SELECT CONCAT('benchsql', seq) AS name, 'benchsql.example' AS home FROM seq_{first}_to_{last}) AS made"


def main(number):
    from domains.models import Domain
    from domains.services import create_domain
    from mailboxes.services import create_mailboxes

    for name in ("benchsql.example", "benchmany.example"):
        Domain.objects.filter(pk=name).delete()
        create_domain(actor=None, name=name, mailboxes=0, aliases=0, maxquota=0, quota=0)
    domain = Domain.objects.get(pk="benchmany.example")
    seconds = {"sql": 0.0, "service": 0.0}
    for first in range(0, number, BATCH):
        last = min(first + BATCH, number) - 1
        seconds["sql"] += timed(by_sql, first, last)
        rows = [
            {
                "local_part": f"benchmany{n}",
                "password_hash": HASH,
                "name": "Bench",
                "quota": 204_800_000,
            }
            for n in range(first, last + 1)
        ]
        seconds["service"] += timed(create_mailboxes, actor=None, domain=domain, mailboxes=rows)
    seconds |= of_a_file(number)
    rates = {name: number / took for name, took in seconds.items()}
    print(json.dumps(rates | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def of_a_file(number):
    """Seconds that it takes to check the lines of a file, and to import them."""
    from django.core.files.base import ContentFile

    from domains.models import Domain
    from domains.services import create_domain
    from mailadmin.file_import import judging, keeping, work
    from panel import file_imports, tasks

    Domain.objects.filter(pk="benchfile.example").delete()
    create_domain(actor=None, name="benchfile.example", mailboxes=0, aliases=0, maxquota=0, quota=0)
    text = io.StringIO()
    text.write("Address,Name,Quota,Hash\n")
    text.writelines(f"benchfile{n}@benchfile.example,Bench,200 MB,{HASH}\n" for n in range(number))
    upload = ContentFile(text.getvalue().encode(), name="bench.csv")
    file = keeping.store(actor=None, kind="mailbox", upload=upload, format="table")
    file = judging.match(file=file, columns=["address", "name", "quota", "hash"], options={})
    check = timed(lambda: judging.judge_for(None, actor=None, file=file))
    task, making = tasks.begin(work.begin(actor=None, file=file)), work.ImportWork(None)
    began = time.perf_counter()
    while task.state == tasks.Running:
        task = tasks.step(task, making)
    seconds = {"check": check, "import": time.perf_counter() - began}
    file_imports.delete(file.pk)
    return seconds


def by_sql(first, last):
    made = MADE.format(first=first, last=last)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in SQL:
            cursor.execute(statement.replace("FROM made", f"FROM {made}"), {"hash": HASH})


def timed(function, *arguments, **named):
    start = time.perf_counter()
    function(*arguments, **named)
    return time.perf_counter() - start


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
