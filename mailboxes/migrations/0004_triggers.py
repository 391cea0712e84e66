from django.db import migrations

from mailboxes import triggers


def create(apps, schema_editor):
    triggers.create(schema_editor.connection)
    triggers.rebuild(schema_editor.connection)


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The triggers that keep our derived tables, and these anew: see mailboxes/triggers.py."""

    dependencies = [
        ("mailboxes", "0003_without_triggers"),
        ("aliases", "0002_caught_targets"),
        ("domains", "0001_initial"),
    ]

    operations = [migrations.RunPython(create, drop)]
