"""A resolver of the machine's own that validates DNSSEC, and DANE for what leaves.

/etc/resolv.conf names it only when it has answered: where a provider lets nobody ask name servers but its own, the
machine stays with those, and Postfix without DANE.
"""

import os
from pathlib import Path

from installer import dns, machine
from installer.part import Answer, Part
from installer.services import Service, answers_on
from installer.steps import File, Step
from installer.world import stop

CONFIGURATION = Path("/etc/unbound/unbound.conf.d/mailadmin.conf")
ROOT_KEY = Path("/var/lib/unbound/root.key")  # the unit puts it there as it starts
RESOLV = Path("/etc/resolv.conf")
OURS = """\
# Written by deploy/install: unbound on this machine, which validates DNSSEC (outgoing mail needs that for DANE).
nameserver 127.0.0.1
options edns0 trust-ad
"""
# Whoever gets an address by DHCP gets name servers too, and would write them there.
HOOKS = {
    Path("/etc/dhcp/dhclient-enter-hooks.d/mailadmin"): "make_resolv_conf() { :; }\n",
    Path("/etc/dhcpcd.enter-hook"): 'skip_hooks="$skip_hooks resolv.conf"\n',
}
CLIENTS = [Path("/etc/dhcp/dhclient.conf"), Path("/etc/dhcpcd.conf")]


def validates():
    return dns.ask("com", "A", resolvers=["127.0.0.1"]).validated


class Resolver(Part):
    answers = {
        "resolver": Answer(
            "A resolver of its own that validates (unbound), and with it DANE (yes).",
            "yes",
            switch=True,
        ),
    }
    purposes = ["resolver"]
    places = ["/etc/unbound", "/var/lib/unbound"]

    @classmethod
    def wanted(cls, options):
        return options.resolver

    @classmethod
    def findings(cls, options):
        other = machine.listeners().get(53)
        if other and other != "unbound" and machine.listens("127.0.0.1", 53):
            yield stop(
                "port 53",
                f"{other} is a resolver already.",
                "If it validates DNSSEC it will do: --no-resolver. Otherwise stop it.",
            )

    def blocks(self):
        return {"dane"} if text_of_resolv() == OURS else set()

    def steps(self):
        yield File(CONFIGURATION, self.filled("unbound/mailadmin.conf"), stale=["unbound"])
        # Early: what follows may need names.
        check = ["unbound-checkconf"] if ROOT_KEY.exists() else None
        yield Service("unbound", check=check, ready=lambda: answers_on(53))
        for hook, client in zip(HOOKS, CLIENTS, strict=True):
            if client.exists():
                yield File(
                    hook, f"# Written by deploy/install: {RESOLV} is unbound.\n{HOOKS[hook]}"
                )
        yield Resolv()

    def closing(self):
        if text_of_resolv() == OURS:
            return []
        return [
            "The resolver of this machine (unbound) gets no valid answer, so others are asked, and mail leaves without DANE.",
            "Does the provider let you ask name servers (port 53)? Then run this again. Or say --no-resolver.",
        ]


def text_of_resolv():
    try:
        return RESOLV.read_text()
    except OSError:
        return ""


class Resolv(Step):
    """The machine asks its own resolver, once that has shown that it can answer."""

    title = str(RESOLV)
    # Postfix's files say more then.
    replan = True

    def difference(self, journal):
        return "nameserver 127.0.0.1" if text_of_resolv() != OURS and validates() else ""

    def do(self, journal, log):
        if RESOLV.is_symlink():  # systemd-resolved, and others
            journal.record("link", path=str(RESOLV), was=os.readlink(RESOLV))
            RESOLV.unlink()
        File(RESOLV, OURS, stale=["postfix"]).do(journal, log)
