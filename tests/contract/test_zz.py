import re
from tests.contract.test_statements import *
def test_p(mail_server, warm):
    for r,d in [("ann@example.org","ann@example.org"),("nobody@example.org",None),("someone@elsewhere.test",None)]:
        with mail_server.statements_of(mail_server.postfix_sql_user) as st:
            if d:
                s=clients.send(mail_server, stranger(), r); clients.wait_for(mail_server, d, PASSWORD, s)
            else: clients.refusal(mail_server, stranger(), r)
        print()
        for s in st: print(r, [n for n,x in SIGNS.items() if x in s], re.findall(r"'([^']*@[^']*|[^']*\.[a-z]+)'",s)[:2])
    assert 0
