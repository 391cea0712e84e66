from django.db import connection


def test_x(add_mailbox, example_org, add_alias, make_admin, other_net, sign_in):
    print(connection.vendor, connection.settings_dict)
    m = add_mailbox("a@example.org")
    add_alias("@example.org", "a@example.org")
    make_admin(domains=[example_org])
    sign_in(m)
    sign_in(make_admin(superadmin=True))
