from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name a column that came later: 0041 creates them."""

    dependencies = [
        ("mailboxes", "0039_deleted"),
        ("accounts", "0017_domain_role"),
        ("aliases", "0013_own_alias_held"),
        ("domains", "0020_delivery_log"),
    ]

    operations = []
