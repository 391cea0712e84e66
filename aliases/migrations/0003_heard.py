from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)


def drop(apps, schema_editor):
    functions.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The functions that deploy/postfix/alias.cf calls: see aliases/sql/functions.sql."""

    dependencies = [("aliases", "0002_caught_targets")]

    operations = [migrations.RunPython(create, drop)]
