from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)
    functions.drop(schema_editor.connection, functions.FORMER)


class Migration(migrations.Migration):
    """The alias map calls a procedure. Postfix defers mail (451) until the alias.cf that `manage.py mailconf` writes is there."""

    dependencies = [("aliases", "0008_listed_names")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
