from django.db import migrations

from mailboxes import triggers
from panel.transactions import in_transaction


def create(apps, schema_editor):
    with triggers.created(schema_editor.connection):
        in_transaction(triggers.rebuild)(schema_editor.connection)
    triggers.empty_words(schema_editor.connection)
    triggers.rebuild_words(schema_editor.connection)


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The triggers that keep our derived tables, and these anew; an administrator who signs in with a mailbox ends with it: see mailboxes/sql/."""

    dependencies = [
        ("mailboxes", "0040_triggers"),
        ("accounts", "0020_admin_mailbox"),
        ("aliases", "0013_own_alias_held"),
        ("domains", "0021_reseller"),
    ]

    # Not one transaction: CREATE TRIGGER would end it, and what rebuild() repeats has to be one.
    operations = [migrations.RunPython(create, drop, atomic=False)]
