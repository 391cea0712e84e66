from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name tables that came later: 0018 creates them."""

    dependencies = [("mailboxes", "0014_preferences"), ("domains", "0009_storage_used")]

    operations = []
