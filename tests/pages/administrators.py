from django.urls import reverse

NEW_PASSWORD = "marmalade-3-window"
NEW_ADMIN = {
    "username": "new@example.org",
    "password": NEW_PASSWORD,
    "domains": "",
    "active": "on",
    "phone": "",
    "email_other": "",
}


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)
