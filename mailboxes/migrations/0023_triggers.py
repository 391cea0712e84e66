from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name a table that came later: 0041 creates them."""

    dependencies = [
        ("mailboxes", "0022_app_passwords"),
        ("domains", "0017_domain_sender_rule"),
    ]

    operations = []
