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
    """The triggers that keep our derived tables, and these anew; what ends with an address or a domain: see mailboxes/sql/."""

    dependencies = [
        ("mailboxes", "0037_triggers"),
        ("accounts", "0015_api_tokens"),
        ("accounts", "0013_letter_text"),
        ("aliases", "0013_own_alias_held"),
        ("domains", "0017_domain_sender_rule"),
    ]

    # Not one transaction: CREATE TRIGGER would end it, and what rebuild() repeats has to be one.
    operations = [migrations.RunPython(create, drop, atomic=False)]
