from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, whose rebuild names a column that came later: 0015 creates them."""

    dependencies = [("mailboxes", "0012_history")]

    operations = []
