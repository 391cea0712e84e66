from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name columns that came later: 0008 creates them."""

    dependencies = [
        ("mailboxes", "0001_initial"),
        ("aliases", "0001_initial"),
        ("domains", "0001_initial"),
    ]

    operations = []
