import pytest

from mailadmin import mailconf, shipped
from tests.helper.test_unit import analyze
from tests.mailadmin.written import MYSQL, PASSWORDS

EVERYTHING = {"deliveries", "helper", "opendkim", "purge", "rspamd", "sign-ins", "srs"}
EVERYTHING |= {"webmail"}


@pytest.fixture(params=[EVERYTHING, EVERYTHING - {"rspamd"}], ids=["with rspamd", "without"])
def units(request, settings, tmp_path):
    settings.WEBMAIL_SECRET = "s3cret" * 8
    values = mailconf.marker_values(
        MYSQL,
        PASSWORDS | {"roundcube": "r", "roundcube_key": "k"},
        WEBMAIL_HOST="webmail.example.org",
    )
    files = shipped.render(values, request.param)
    written = []
    for name, text in files.items():
        folder, _slash, unit = name.partition("/")
        if folder == "systemd" and "/" not in unit:
            (tmp_path / unit).write_text(text)
            written.append(tmp_path / unit)
    return written


def test_systemd_takes_them(units):
    assert len(units) >= 13
    assert analyze("verify", "--man=no", *units) == (0, "")


def test_each_timer_has_its_service_and_each_socket_too(units):
    names = {unit.name for unit in units}
    needed = {f"{unit.stem}.service" for unit in units if unit.suffix in (".timer", ".socket")}

    assert needed <= names


@pytest.mark.parametrize(
    "name", [f"mailadmin-{unit}.service" for unit in ("deliveries", "signins", "purge")]
)
def test_who_follows_the_log_keeps_sign_ins_or_removes_mail_can_reach_little_of_the_machine(
    units, name
):
    """systemd's own mark, from 0 (nothing) to 10 (everything)."""
    [unit] = [unit for unit in units if unit.name == name]
    status, said = analyze("security", "--offline=yes", "--threshold=15", unit)

    assert (status, unit.name in said) == (0, True), said
