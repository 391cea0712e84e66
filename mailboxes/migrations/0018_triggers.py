from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name a table that came later: 0041 creates them."""

    dependencies = [
        ("mailboxes", "0017_sending_limit"),
        ("domains", "0017_domain_sender_rule"),
    ]

    operations = []
