from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, which name tables that came later: 0013 creates them."""

    dependencies = [("mailboxes", "0010_triggers"), ("domains", "0006_upgrading")]

    operations = []
