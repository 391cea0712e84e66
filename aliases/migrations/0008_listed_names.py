from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)


class Migration(migrations.Migration):
    """The functions anew: an alias that leads to itself lists a name of a domain that is handed on."""

    dependencies = [("aliases", "0007_self_alias")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
