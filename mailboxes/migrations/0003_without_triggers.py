from django.db import migrations

from mailboxes import triggers


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """SQLite cannot alter a table that triggers name; MariaDB can, and goes on counting meanwhile.

    Undone, it leaves no triggers: run the `manage.py recount` of that release.
    """

    dependencies = [("mailboxes", "0002_triggers")]
    run_before = [("aliases", "0002_caught_targets")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
