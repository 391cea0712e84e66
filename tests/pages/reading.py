import csv
import io
import re
from html import unescape
from html.parser import HTMLParser

from django.contrib.messages import get_messages
from django.urls import reverse


def rows(response):
    return [row.pk for row in response.context["object_list"]]


def text(response):
    main = response.content.decode().partition("<main")[2]
    main = re.sub("<span[^>]*>@", "@", main.replace("<wbr>", ""))
    words = re.sub(r"<[^>]+>", " ", main.partition(">")[2].partition("</main>")[0])
    return re.sub(r"\s+([.,:?])", r"\1", " ".join(unescape(words).split()))


def links(response):
    main = response.content.decode().partition("<main")[2]
    return [unescape(link) for link in re.findall(r'<a [^>]*?href="([^"]*)"', main)]


def buttons(response):
    main = response.content.decode().partition("<main")[2]
    return [unescape(word).strip() for word in re.findall(r"<button[^>]*>([^<]*)", main)]


def told(response):
    """The messages that the next page will show, with those nobody has seen yet."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response, form="form"):
    return dict(response.context[form].errors)


def error_codes(response, form="form"):
    found = response.context[form].errors.as_data()
    return {name: [error.code for error in errors] for name, errors in found.items()}


def referrers(response):
    """The aliases that a confirming page names as leading to its rows → whether nothing would be left of them."""
    return {alias.pk: alias.emptied for alias in response.context["referrers"]}


def hidden_inputs(response):
    found = re.findall(
        r'<input type="hidden" name="([^"]*)" value="([^"]*)"', response.content.decode()
    )
    return {name: [unescape(v) for n, v in found if n == name] for name, _value in found}


def sent(response):
    """What a browser would post of the page's form about a stored row: name → text."""
    forms = FormReader(response.text).forms
    return next(form for form in forms if any(name.endswith("initial_digests") for name in form))


class FormReader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.forms, self.name, self.words = [{}], None, ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name, value = attrs.get("name"), attrs.get("value", "")
        if tag == "form":
            self.forms.append({})
        elif (
            tag == "input"
            and name
            and (attrs.get("type") not in {"checkbox", "radio"} or "checked" in attrs)
        ):
            self.forms[-1][name] = value or ("on" if attrs.get("type") == "checkbox" else "")
        elif tag in {"select", "textarea"}:
            self.name, self.words = name, ""
        elif tag == "option" and "selected" in attrs:
            self.forms[-1][self.name] = value

    def handle_data(self, data):
        self.words += data

    def handle_endtag(self, tag):
        if tag == "textarea":
            lines = self.words.removeprefix("\r").removeprefix("\n").splitlines()
            self.forms[-1][self.name] = "\r\n".join(lines)


def table(client, **query):
    answer = client.get(reverse("log-table"), query)
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def log(client, **query):
    return client.get(reverse("log"), query)
