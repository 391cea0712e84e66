from django.db import migrations

from aliases import heard


def create(apps, schema_editor):
    heard.create(schema_editor.connection)


def drop(apps, schema_editor):
    heard.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The functions that deploy/postfix/alias.cf calls: see aliases/heard.py."""

    dependencies = [("aliases", "0002_caught_targets")]

    operations = [migrations.RunPython(create, drop)]
