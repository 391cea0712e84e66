import subprocess

from tests.servers.processes import find


def certify(hostname, certificate, key):
    command = [
        *[find("openssl"), "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={hostname}"],
        *["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        *["-addext", f"subjectAltName=DNS:{hostname},DNS:localhost,IP:127.0.0.1"],
        *["-keyout", str(key), "-out", str(certificate)],
    ]
    subprocess.run(command, check=True, capture_output=True)
