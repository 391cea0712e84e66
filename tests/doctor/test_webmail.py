import pytest

from tests.servers.processes import ROOT, free_ports

pytestmark = pytest.mark.django_db


@pytest.fixture
def roundcube(patient, server):
    """``roundcube(smtp_user="…")``: the shipped file with these settings in place of its own."""
    text = ROOT.joinpath("deploy/roundcube/config.inc.php").read_text()
    text = text.replace("127.0.0.1:143", f"127.0.0.1:{server.imap_port}")
    text = text.replace("127.0.0.1:587", f"127.0.0.1:{server.submission_port}")

    def write(**values):
        lines = "".join(f"$config['{name}'] = {value};\n" for name, value in values.items())
        patient.webmail.write_text(f"{text}\n{lines}")

    write()
    return write


def cured(patient, name):
    patient.cure(patient.found("webmail")[name])
    return name not in patient.found("webmail")


def test_the_shipped_file_has_nothing(patient, roundcube):
    assert patient.found("webmail") == {}


def test_without_roundcube_there_is_nothing_to_find(patient):
    look = patient.look("webmail")

    assert (look.findings, look.unseen) == ([], [])


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_user": "''"},
        {"smtp_user": "'webmail@example.org'"},
        {"smtp_host": "'127.0.0.1:25'"},
    ],
)
def test_sending_without_signing_in(patient, roundcube, values):
    roundcube(**values)

    assert cured(patient, "webmail-does-not-sign-in")


@pytest.mark.parametrize("setting", ["imap_host", "smtp_host"])
def test_a_server_that_does_not_answer(patient, roundcube, setting):
    [port] = free_ports(1)
    roundcube(**{setting: f"'tls://127.0.0.1:{port}'"})

    finding = patient.found("webmail")["webmail-cannot-reach"]
    assert finding.details["server"] == f"tls://127.0.0.1:{port}"
    roundcube()
    assert patient.found("webmail") == {}


def test_waiting_too_long(patient, roundcube):
    roundcube(smtp_timeout="3600")

    assert cured(patient, "webmail-waits-too-long")


@pytest.mark.parametrize("seconds", ["0", "null", "120"])
def test_waiting_as_long_as_php_does(patient, roundcube, seconds):
    roundcube(smtp_timeout=seconds)

    assert patient.found("webmail") == {}


def test_a_mail_server_over_the_network(patient, roundcube, server):
    roundcube(imap_host=f"'ssl://mail.example.com:{server.imaps_port}'")

    finding = patient.found("webmail")["webmail-reconnects"]
    assert "'server_hostname mail.example.com' 'listen_address 127.0.0.1'" in finding.say("command")
    roundcube(imap_host="'127.0.0.1:1143'")
    assert "webmail-reconnects" not in patient.found("webmail")
