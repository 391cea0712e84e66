import pwd
import re

from mailadmin import mailconf, shipped, written_files
from tests.adoption import postfixadmin
from tests.servers.mail import OWNER
from tests.servers.postfix import STOCK_MASTER_CF, Postfix
from tests.servers.processes import free_ports, run_sql

MAPS = {
    "domains": "SELECT domain FROM domain WHERE domain='%s' AND active='1'",
    "alias": "SELECT goto FROM alias WHERE address='%s' AND active='1'",
    "alias_domain": "SELECT goto FROM alias,alias_domain WHERE alias_domain.alias_domain='%d'"
    " AND alias.address=CONCAT('%u','@',alias_domain.target_domain) AND alias.active='1' AND alias_domain.active='1'",
    "mailbox": "SELECT maildir FROM mailbox WHERE username='%s' AND active='1'",
    "alias_domain_mailbox": "SELECT maildir FROM mailbox,alias_domain WHERE alias_domain.alias_domain='%d'"
    " AND mailbox.username=CONCAT('%u','@',alias_domain.target_domain) AND mailbox.active='1' AND alias_domain.active='1'",
}
CF = """user = {user}
password = {password}
hosts = inet:127.0.0.1:{PORT}
dbname = {NAME}
query = {query}
"""
MAIN = """compatibility_level = 3.6
myhostname = mail.example.com
mydestination =
virtual_mailbox_domains = proxy:mysql:{maps}/domains.cf
virtual_alias_maps = proxy:mysql:{maps}/alias.cf, proxy:mysql:{maps}/alias_domain.cf
virtual_mailbox_maps = proxy:mysql:{maps}/mailbox.cf, proxy:mysql:{maps}/alias_domain_mailbox.cf
virtual_mailbox_base = {mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = reject_unauth_destination
"""


class Post(Postfix):
    def __init__(self, evening):
        self.evening, self.mail = evening, evening.directory / "mail"
        [nowhere] = free_ports(1)
        super().__init__(evening.directory, evening.directory / "post", outside_port=nowhere)

    def install(self):
        postfixadmin.run(
            ";\n".join(
                f"GRANT SELECT ON {self.evening.name}.{table} TO '{self.evening.user}'@'%'"
                for table in ("domain", "alias", "alias_domain", "mailbox")
            )
        )
        owner = pwd.getpwnam(OWNER)
        values = {"maps": self.maps, "mail": self.mail, "uid": owner.pw_uid, "gid": owner.pw_gid}
        self.files.mkdir()
        (self.files / "main.cf").write_text(MAIN.format(**values))
        login = {"user": self.evening.user, "password": self.evening.password}
        for name, query in MAPS.items():
            (self.files / f"{name}.cf").write_text(
                CF.format(**self.evening.settings | login, query=query)
            )
        self.prepare()
        super().install()

    def add_services(self):
        master = re.sub(r"(?m)^#(?=submissions? +inet)", "", STOCK_MASTER_CF.read_text())
        (self.conf / "master.cf").write_text(master)

    def ask_this_panel(self):
        """Do what docs/leaving-postfixadmin.md says: the maps that `manage.py mailconf` writes, while mail goes on."""
        files = written_files.Directory(self.evening.directory / "ours")
        here = self.conf / "ours"
        users = {
            f"{part}_SQL_USER": f"{part[:1]}_{self.evening.name}".lower()
            for part in ("POSTFIX", "DOVECOT", "SIGNER")
        }
        values = mailconf.marker_values(
            dict(self.evening.settings),
            files.passwords,
            **users,
            HOSTNAME="mail.example.com",
            VMAIL_ROOT=self.mail,
            MAPS=here,
        )
        files.write(shipped.render(values, shipped.postfix_blocks(shipped.postfix_here())))
        run_sql(self.evening.settings, files.path / "mariadb" / "grants.sql")
        here.mkdir()
        for name in ("alias", "mailbox", "domains"):
            (here / f"{name}.cf").write_text((files.path / "postfix" / f"{name}.cf").read_text())
        self.set(
            virtual_mailbox_domains=f"proxy:mysql:{here}/domains.cf",
            virtual_alias_maps=f"proxy:mysql:{here}/alias.cf",
            virtual_mailbox_maps=f"proxy:mysql:{here}/mailbox.cf",
            recipient_delimiter="+",
        )
        self.reload()

    def delivered(self, address):
        local_part, _at, domain = address.partition("@")
        return len(list(self.mail.joinpath(domain, local_part).glob("[nc][eu][wr]/*")))
