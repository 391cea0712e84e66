import time
import pytest
from django.db import connection
from domains.renaming import rename_domain
pytestmark = pytest.mark.django_db

@pytest.mark.parametrize("n", [2000, 10000])
def test_measure(add_domain, n):
    domain = add_domain("old.example")
    with connection.cursor() as c:
        c.executemany("INSERT INTO mailbox (username, password, name, maildir, local_part, domain, quota) VALUES (%s,'x','Ann Lee Smith',%s,%s,'old.example',1000000)", [(f"u{i}@old.example", f"old.example/u{i}/", f"u{i}") for i in range(n)])
        c.executemany("INSERT INTO alias (address, goto, domain) VALUES (%s,%s,'old.example')", [(f"u{i}@old.example", f"u{i}@old.example") for i in range(n)])
        c.executemany("INSERT INTO alias (address, goto, domain) VALUES (%s,%s,'old.example')", [(f"a{i}@old.example", f"u{i}@old.example,u{i+1}@old.example") for i in range(n//5)])
        c.executemany("INSERT INTO quota2 (username, bytes, messages) VALUES (%s,1000,1)", [(f"u{i}@old.example",) for i in range(n)])
    t = time.time(); cpu=time.process_time()
    rename_domain(actor=None, domain=domain, name="new.example")
    print("N", n, "seconds", time.time()-t, "python cpu", time.process_time()-cpu)
