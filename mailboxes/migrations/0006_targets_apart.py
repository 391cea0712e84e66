from django.db import migrations

from aliases import functions


def create(apps, schema_editor):
    functions.create(schema_editor.connection)


class Migration(migrations.Migration):
    """Targets told apart as Postfix does. What the triggers keep of them: 0008."""

    dependencies = [
        ("mailboxes", "0005_find_by_maildir"),
        ("aliases", "0004_search_targets_by_owner"),
        ("domains", "0003_without_modified_index"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
