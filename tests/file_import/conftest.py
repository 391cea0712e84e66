import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from panel.models import FileImport


@pytest.fixture
def admin(example_org, other_net, make_admin, sign_in):
    return sign_in(make_admin("theirs@example.org", domains=["example.org"]))


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture(autouse=True)
def a_step_is_as_long_as_it_takes(monkeypatch):
    monkeypatch.setattr("panel.tasks.STEP_SECONDS", 3600)
    monkeypatch.setattr("mailadmin.file_import.pages.STEP_SECONDS", 3600)


@pytest.fixture
def upload():
    """``upload(client, text)``: the response; ``text`` may be bytes."""

    def send(client, data, kind="mailbox", format="table", name="people.csv", **more):
        data = data.encode() if isinstance(data, str) else data
        fields = {"kind": kind, "format": format, "file": SimpleUploadedFile(name, data)}
        return client.post(reverse("imports"), fields | more)

    return send


@pytest.fixture
def checked(upload):
    """``checked(client, text)``: upload it and let the columns be as they are proposed; return the page of its lines."""

    def send(client, data, kind="mailbox", format="table", **options):
        response = upload(client, data, kind, format)
        assert response.status_code == 302, response.context["form"].errors
        page = client.get(response.url)
        form = page.context["form"]
        sent = {name: form[name].value() or "" for name in form.fields if name != "must_change"}
        answer = client.post(response.url, sent | options)
        assert answer.status_code == 302, answer.context["form"].errors
        return answer.url

    return send


@pytest.fixture
def lines():
    """{number: (state, address, problems)} of the last file."""

    def found():
        rows = FileImport.objects.latest("pk").lines.order_by("number")
        return {
            row.number: (row.state, row.address, [text for _field, text in row.problems])
            for row in rows
        }

    return found


@pytest.fixture
def run():
    """Begin to import the good lines, do all steps, and return the page of the task."""

    def do(client, url):
        begun = client.post(url, {"do": "begin"})
        assert begun.status_code == 302
        place = begun.url.partition("?")[0]
        while (
            "data-goes-on"
            in client.post(place, {"do": "step"}, headers={"HX-Request": "true"}).text
        ):
            pass
        return client.get(place)

    return do
