from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)


class Migration(migrations.Migration):
    """The functions under their new names. Those of before stay until `recount`: Postfix may still call them."""

    dependencies = [("aliases", "0004_search_targets_by_owner")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
