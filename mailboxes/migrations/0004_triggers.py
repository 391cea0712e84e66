from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name columns that came later: 0008 creates them."""

    dependencies = [
        ("mailboxes", "0003_without_triggers"),
        ("aliases", "0002_caught_targets"),
        ("domains", "0001_initial"),
    ]

    operations = []
