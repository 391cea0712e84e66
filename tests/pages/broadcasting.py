from django.urls import reverse

JOE, ZOE, BEN, EVE = "joe@example.org", "zoe@example.org", "ben@second.example", "eve@other.net"
SAID = {"subject": "Maintenance", "body": "On Sunday\nfrom six to eight.", "from_name": ""}


def ask(client, **fields):
    """Send the form; return its answer."""
    return client.post(reverse("broadcast"), SAID | fields)


def begun(client, **fields):
    """Ask for it, and begin it; return the address of the task."""
    url = ask(client, **fields).url
    client.post(url, {"do": "begin"})
    return url


def step(client, url):
    return client.post(url, {"do": "step"}, headers={"HX-Request": "true"}).text


def sent_whole(client, **fields):
    url = begun(client, **fields)
    for _step in range(20):
        if "data-goes-on" not in step(client, url):
            break
    return url
