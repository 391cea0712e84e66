from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name a table that came later: 0011 creates them."""

    dependencies = [
        ("mailboxes", "0009_without_triggers"),
        ("aliases", "0007_self_alias"),
        ("domains", "0004_count_the_routing_lock"),
    ]

    operations = []
