from django.test import RequestFactory

from panel.pages import client_ip


def request(**headers):
    return RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=headers)


def test_without_a_proxy_no_header_is_believed(settings):
    settings.BEHIND_PROXY = False
    assert (
        client_ip(request(x_forwarded_for="198.51.100.9", x_real_ip="198.51.100.9")) == "192.0.2.1"
    )


def test_behind_a_proxy_its_own_entry_counts_and_not_what_the_client_wrote(settings):
    settings.BEHIND_PROXY = True
    forwarded = "10.0.0.1, 198.51.100.9"
    assert client_ip(request(x_forwarded_for=forwarded)) == "198.51.100.9"
    assert client_ip(request(x_forwarded_for="198.51.100.9")) == "198.51.100.9"
    assert client_ip(request(x_real_ip="10.0.0.1")) == "192.0.2.1"
