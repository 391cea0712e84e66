import re
import subprocess
from pathlib import Path

from installer import machine
from installer.part import Answer, Part
from installer.services import Service, Stopped
from installer.steps import Command, Directory, File, Link, Step, succeeds
from installer.texts import belongs_to, is_for
from installer.world import note, points_here, stop

PLACE = Path("/etc/mailadmin")
TLS = PLACE / "tls"
# nginx's: chain and key of each name of a customer's domain.
NAMES = Path("/etc/nginx/mailadmin")
HOOK = Path("/etc/letsencrypt/renewal-hooks/deploy/mailadmin-names")
NOT_ITS_KEY = "{0.tls_key} is not the key of {0.tls_cert}."


class CertificatesOfDomains(Step):
    """Recorded in the journal once: certbot obtains them later, and undo removes them."""

    title = "certificates of the domains' names"

    def difference(self, journal):
        known = any(entry["kind"] == "certificates" for entry in journal.entries)
        return "" if known else "certbot gets them, once a day, where the names lead here"

    def do(self, journal, log):
        journal.record("certificates")


class Certificate(Part):
    answers = {
        "tls_cert": Answer("A certificate with its chain (default: one made here)."),
        "tls_key": Answer("Its key."),
        "certificate": Answer(
            "certbot (where the name points here; you agree to the authority's terms) or self-signed.",
            "certbot",
            re.compile("certbot|self-signed"),
        ),
    }
    places = ["/etc/letsencrypt"]
    keeps = [PLACE, "/etc/letsencrypt"]

    def __init__(self, plan):
        super().__init__(plan)
        self.live = Path("/etc/letsencrypt/live", self.options.hostname)
        # One certificate for all of them.
        self.names = [self.options.hostname, *filter(None, [self.options.webmail])]

    @classmethod
    def findings(cls, options):
        for path in filter(None, [options.tls_cert, options.tls_key]):
            if not path.is_file():
                yield stop(
                    "certificate", f"{path} is not there.", "Say where it is, or leave it out."
                )
                return
        if options.tls_cert and belongs_to(options.tls_key, options.tls_cert) is False:
            yield stop(
                "certificate", NOT_ITS_KEY.format(options), "Say the two that belong together."
            )
        elif options.tls_cert and not is_for(options.tls_cert, options.hostname):
            yield note(
                "certificate",
                f"{options.tls_cert} is not for {options.hostname}: mail programs and browsers complain.",
                "Give one that names it.",
            )

    def values(self):
        return {"TLS_CERT": TLS / "fullchain.pem", "TLS_KEY": TLS / "privkey.pem"}

    def steps(self):
        stale = ["postfix", "dovecot", "nginx"]
        yield Directory(PLACE)
        yield Directory(TLS)
        if self.options.tls_cert:
            cert, key = self.options.tls_cert, self.options.tls_key
            # Where the look at the machine had no openssl to ask.
            yield Command(
                "the key and its certificate",
                ["false"],
                lambda: belongs_to(self.options.tls_key, self.options.tls_cert),
                advice=f"{NOT_ITS_KEY.format(self.options)} Say the two that belong together.",
            )
        elif self._certified():
            cert, key = self.live / "fullchain.pem", self.live / "privkey.pem"
        else:
            cert, key = TLS / "self-signed.pem", TLS / "self-signed.key"
            yield self._signed_by_itself(cert, key)
        yield Link(TLS / "fullchain.pem", cert, stale=stale)
        yield Link(TLS / "privkey.pem", key, stale=stale)
        if self._has_authority():
            yield from self._names_of_domains()

    def _has_authority(self):
        return self.options.certificate == "certbot" and not self.options.tls_cert

    def _names_of_domains(self):
        yield Directory(NAMES, 0o750, "root", "www-data", kind="tree")
        yield CertificatesOfDomains()
        yield File(HOOK, self.filled("host/certificate-hook"), 0o755)
        yield File(PLACE / "certnames", self.filled("host/certnames"), 0o755)
        for unit in ("mailadmin-certnames.service", "mailadmin-certnames.timer"):
            yield File(
                Path("/etc/systemd/system", unit), self.filled(f"host/{unit}"), stale=["units"]
            )

    def services(self):
        if self._has_authority():
            yield Service("mailadmin-certnames.timer")
        else:
            yield Stopped("mailadmin-certnames.timer")

    def _signed_by_itself(self, cert, key):
        names = ",".join(f"DNS:{name}" for name in self.names)
        elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subject = ["-subj", f"/CN={self.options.hostname}", "-addext", f"subjectAltName={names}"]
        command = ["openssl", "req", "-x509", *elliptic, "-nodes", "-days", "3650", *subject]
        return Command(
            "a certificate, signed by itself",
            [*command, "-keyout", key, "-out", cert],
            lambda: (
                succeeds(["openssl", "x509", "-noout", "-checkend", "86400", "-in", cert])
                and all(is_for(cert, name) for name in self.names)
            ),
            makes=[cert, key],
        )

    def _certified(self):
        return self.options.certificate == "certbot" and (self.live / "fullchain.pem").exists()

    def last(self):
        # nginx must be there to be asked, and without an answer the host works all the same.
        name, place = self.options.hostname, Path("/etc/letsencrypt")
        hook = "systemctl reload nginx postfix dovecot" if machine.runs_systemd() else "true"
        command = ["certbot", "certonly", "--non-interactive", "--agree-tos"]
        command += ["-m", self.options.admin, "--webroot", "-w", "/var/www/html"]
        command += ["--cert-name", name, "--expand"]
        command += [word for one in self.names for word in ("-d", one)]
        yield Command(
            "a certificate that everybody knows",
            [*command, "--deploy-hook", hook],
            lambda: (
                self.options.tls_cert
                or self.options.certificate != "certbot"
                or (
                    self._certified()
                    and all(is_for(self.live / "fullchain.pem", one) for one in self.names)
                )
                or not all(map(points_here, self.names))
            ),
            # The rest goes with the package, unless it has other names' certificates.
            makes=[
                self.live,
                place / "archive" / name,
                place / "renewal" / f"{name}.conf",
                Path("/var/lib/letsencrypt"),
            ],
            advice="Until then the certificate is the one that signs itself. Does port 80 reach this machine?"
            " Or say --certificate self-signed.",
            replan=True,
        )

    def closing(self):
        if (TLS / "fullchain.pem").resolve().name != "self-signed.pem":
            return []
        command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
        printed = subprocess.run(  # noqa: S603
            [*command, "-in", TLS / "fullchain.pem"], capture_output=True, text=True
        ).stdout
        return [
            "Its certificate is signed by itself, so browsers and mail programs ask. Compare, the first time:",
            f"  SHA-256 {printed.strip().partition('=')[2]}",
            "Run this again once the name points here: it gets one that everybody knows.",
        ]
