from django.db import migrations

from mailboxes import triggers


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """SQLite cannot alter a table that triggers name."""

    dependencies = [("mailboxes", "0002_triggers")]
    run_before = [("aliases", "0002_caught_targets")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
