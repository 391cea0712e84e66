from django.db import migrations

from mailboxes import triggers


def drop(apps, schema_editor):
    # SQLite cannot alter a table that triggers name; on MariaDB they go on counting.
    if schema_editor.connection.vendor == "sqlite":
        triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The table of mailboxes gets columns, for which SQLite makes it anew. 0041 creates the triggers again."""

    dependencies = [("mailboxes", "0020_days_domains")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
