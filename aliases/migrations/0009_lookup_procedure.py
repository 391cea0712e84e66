from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)


class Migration(migrations.Migration):
    """The alias map calls a procedure. The function stays for an alias.cf of before, until `manage.py recount`."""

    dependencies = [("aliases", "0008_listed_names")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
