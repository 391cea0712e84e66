from django.db import migrations

from aliases import functions
from mailboxes import triggers
from panel.transactions import in_transaction


def create(apps, schema_editor):
    triggers.create(schema_editor.connection)
    functions.create(schema_editor.connection)
    in_transaction(triggers.rebuild)(schema_editor.connection)


class Migration(migrations.Migration):
    """Targets told apart as Postfix does, and what the triggers keep of them anew."""

    dependencies = [
        ("mailboxes", "0005_find_by_maildir"),
        ("aliases", "0004_search_targets_by_owner"),
        ("domains", "0003_without_modified_index"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
