from tests.accounts.test_passwords import STORED
from tests.adoption import postfixadmin
from tests.adoption.evening import SECRET, new_mailbox


def fill(evening):
    pages = evening.pages
    twice = ("--password", SECRET, "--password2", SECRET)
    pages.command("admin", "add", "root@example.org", "--superadmin", "1", *twice)
    root = evening.visitor("root@example.org")
    for name in ("example.org", "other.example"):
        said = root.edit(
            "domain",
            domain=name,
            description=name,
            aliases="0",
            mailboxes="0",
            maxquota="0",
            quota="0",
        )
        assert f"The domain {name} has been added" in said
    pages.command("mailbox", "add", "cli@example.org", *twice, "--name", "Cli", "--quota", "5")
    for name in ("joe", "ann", "grace"):
        assert "has been added" in new_mailbox(root, name, name="Jöe")
    root.edit(
        "alias",
        localpart="info",
        domain="example.org",
        goto="joe@example.org\r\nx@elsewhere.example",
    )
    root.edit("alias", localpart="desk", domain="example.org", goto="ann@example.org")
    root.edit("aliasdomain", alias_domain="other.example", target_domain="example.org")
    root.edit(
        "admin",
        username="boss@example.org",
        password=SECRET,
        password2=SECRET,
        domains=["example.org"],
    )
    fetch(root, "joe@example.org")
    spoil()


def fetch(root, mailbox):
    said = root.edit(
        "fetchmail",
        mailbox=mailbox,
        src_server="pop.elsewhere.example",
        src_auth="password",
        src_user="old",
        src_password=SECRET,
        protocol="POP3",
    )
    assert "Entry saved in database." in said


def spoil():
    for number, stored in enumerate(STORED.values()):
        postfixadmin.add_mailbox(f"hash{number}@example.org", password=stored)
    postfixadmin.add_domain("Mixed.Example")
    postfixadmin.add_mailbox("Anna@Mixed.Example", created="0000-00-00 00:00:00")
    postfixadmin.add_mailbox("lost@gone.example")
    postfixadmin.add_mailbox("half@example.org", domain="mixed.example")
    postfixadmin.add_mailbox("minus@example.org", quota=-1)
    postfixadmin.add_mailbox("nested@example.org", maildir="example.org/joe/nested/")
    postfixadmin.add_mailbox("escape@example.org", maildir="../../etc/")
    postfixadmin.add_mailbox("bare@example.org")
    postfixadmin.add_mailbox("plus+tag@example.org")
    postfixadmin.add_mailbox("max@example.org", name="Max 😀 Žižek")
    postfixadmin.add(
        "vacation",
        email="max@example.org",
        subject="Away 🌴",
        body="Bis Montag 👋",
        cache="",
        domain="example.org",
        active=0,
    )
    postfixadmin.add_alias("Sales@Example.org", "Joe@Example.org, , x@elsewhere.example,")
    postfixadmin.add_alias(
        "list@example.org", ",".join(f"u{n}@elsewhere.example" for n in range(2_500))
    )
    postfixadmin.add_alias("dead@example.org", "nobody@example.org")
    postfixadmin.add_alias(" lead@example.org", "joe@example.org")
    postfixadmin.add_alias("stray@nowhere.example", "joe@example.org")
    postfixadmin.add_alias("off@example.org", "joe@off.example")
    postfixadmin.add_domain("off.example", active=0)
    postfixadmin.add_mailbox("blank@example.org ", local_part="blank ")
    postfixadmin.add_mailbox("twin@example.org", maildir="example.org/joe/")
    postfixadmin.add("quota2", username="gone@example.org", bytes=5, messages=1)
    postfixadmin.add("alias_domain", alias_domain="loose.example", target_domain="no.example")
    postfixadmin.add_alias("round@example.org", "trip@example.org")
    postfixadmin.add_alias("trip@example.org", "round@example.org")
    postfixadmin.add_alias("café@example.org", "joe@example.org")
    postfixadmin.add("alias_domain", alias_domain="ghost.example", target_domain="example.org")
    postfixadmin.add("alias_domain", alias_domain="chain.example", target_domain="ghost.example")
    postfixadmin.add_admin("Chef@Example.com", "example.org", "nowhere.example", active=1)
    postfixadmin.add_admin("flag@example.org", superadmin=1)
    postfixadmin.add_admin("row@example.org", "ALL")
    for row in (
        {"domain": "example.org"},
        {"domain": "example.org"},
        {"domain": "other.example", "active": 0},
    ):
        postfixadmin.add("domain_admins", username="boss@example.org", **row)
    postfixadmin.add("domain_admins", username="gone@example.org", domain="example.org")
    postfixadmin.run(
        "DELETE FROM alias WHERE address = 'bare@example.org';\n"
        "UPDATE alias SET active = 0 WHERE address = 'minus@example.org';\n"
        "ALTER TABLE mailbox ADD x_department varchar(60) NOT NULL;\n"
        "UPDATE mailbox SET x_department = 'Sales' WHERE username = 'joe@example.org';\n"
        "CREATE TABLE x_price (domain varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL,"
        " FOREIGN KEY (domain) REFERENCES domain (domain));\n"
        "INSERT INTO x_price VALUES ('example.org');\n"
        "CREATE TABLE x_note (id int AUTO_INCREMENT PRIMARY KEY, text varchar(255));\n"
        "INSERT INTO x_note (text) VALUES ('mine')"
    )


def names_of_stored():
    return [f"hash{number}@example.org" for number in range(len(STORED))]
