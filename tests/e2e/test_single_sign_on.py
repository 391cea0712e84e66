"""Sign-in by others: a browser that an identity provider leads back, and nginx that asks for a name and password itself."""

import ssl
import threading
import warnings
from base64 import b64encode

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from tests.e2e.browsing import Visitors
from tests.e2e.conftest import MAILBOX
from tests.e2e.panel import Panel
from tests.e2e.web import WebHost
from tests.servers.certificate import certify
from tests.servers.processes import free_ports

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports names that authlib gives up
    import oidc_provider_mock

pytestmark = [
    pytest.mark.xdist_group("mail"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
PASSWORD = "of-nginx-alone"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """The https address of an identity provider, and its certificate."""
    directory = tmp_path_factory.mktemp("provider")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certify("localhost", certificate, key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    [port] = free_ports(1)
    mia = oidc_provider_mock.User(sub="mia", claims={"email": MAILBOX, "email_verified": True})
    stranger = oidc_provider_mock.User(
        sub="stranger", claims={"email": "x@y.test", "email_verified": True}
    )
    app = oidc_provider_mock.app(user_claims=[mia, stranger])
    server = make_server("127.0.0.1", port, app, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{port}", certificate
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def panel_of_provider(database_url, people, provider, tmp_path_factory):
    issuer, certificate = provider
    panel = Panel(
        database_url,
        tmp_path_factory.mktemp("panel-of-provider"),
        OIDC_ISSUER=issuer,
        OIDC_CLIENT_ID="panel",
        OIDC_CLIENT_SECRET="only-for-tests",
        OIDC_NAME="Example",
        REQUESTS_CA_BUNDLE=certificate,
    )
    try:
        yield panel.start()
    finally:
        panel.stop()


@pytest.fixture
def visitor(browser, panel_of_provider):
    with Visitors(browser, panel_of_provider.url) as visitors:
        yield visitors.open(ignore_https_errors=True)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_browser_comes_back_signed_in(browser, panel_of_provider, scripts):
    with Visitors(browser, panel_of_provider.url) as visitors:
        page = visitors.open(ignore_https_errors=True, java_script_enabled=scripts)
        page.goto("/account/")
        page.get_by_role("link", name="Sign in with Example").click()
        page.get_by_role("button", name="mia").click()

        expect(page).to_have_url(f"{panel_of_provider.url}/account/")
        page.goto("/account/factor/")
        assert page.url == f"{panel_of_provider.url}/account/factor/"


def test_whom_the_provider_knows_and_the_panel_does_not_is_told_so(visitor):
    visitor.goto("/login/provider/")
    visitor.get_by_role("button", name="stranger").click()

    expect(visitor.get_by_role("alert")).to_contain_text("x@y.test")
    expect(visitor.get_by_label("Password")).to_be_visible()


class AskingHost(WebHost):
    """nginx lets nobody through who does not give it a password, and tells the panel the name."""

    def sites(self):
        passwords = self.directory / "passwords"
        passwords.write_text(f"{MAILBOX}:{{PLAIN}}{PASSWORD}\n")
        asks = f'auth_basic "Mail"; auth_basic_user_file {passwords};'
        name = r'proxy_set_header X-Remote-User "";'
        [(file, text)] = super().sites().items()
        assert text.count(name) == 1
        tells = name.replace('""', "$remote_user")
        return {file: text.replace(name, f"{asks} {tells}")}


@pytest.fixture(scope="module")
def asking_host(database_url, people, tmp_path_factory):
    host = AskingHost(database_url, tmp_path_factory.mktemp("asking"), REMOTE_USER="yes")
    try:
        yield host.start()
    finally:
        host.stop()


def basic(name, password):
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def test_whoever_nginx_lets_through_is_signed_in(asking_host):
    status, headers, _page = asking_host.visit("/login/", **basic(MAILBOX, PASSWORD))

    assert (status, headers["Location"]) == (302, "/")
    assert [line for line in headers.get_all("Set-Cookie") if line.startswith("mailadmin_session=")]


def test_whoever_nginx_does_not_know_never_reaches_the_panel(asking_host):
    assert asking_host.visit("/login/")[0] == 401
    assert asking_host.visit("/login/", **basic(MAILBOX, "guessed"))[0] == 401
    assert asking_host.visit("/login/", X_Remote_User=MAILBOX)[0] == 401


def test_a_header_that_a_client_sends_itself_is_thrown_away(database_url, people, tmp_path):
    """The site as shipped, in front of a panel that trusts the header."""
    host = WebHost(database_url, tmp_path, REMOTE_USER="yes")
    try:
        host.start()
        for name in ("X-Remote-User", "x_remote_user", "Remote-User"):
            status, _headers, page = host.visit("/login/", **{name: MAILBOX})
            assert (status, 'name="password"' in page) == (200, True)
    finally:
        host.stop()
