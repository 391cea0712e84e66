from django.db import migrations, models

from mailboxes import triggers
from panel.transactions import in_transaction


def create(apps, schema_editor):
    triggers.create(schema_editor.connection)
    in_transaction(triggers.rebuild)(schema_editor.connection)


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The triggers that keep our derived tables, and these anew: see mailboxes/sql/."""

    dependencies = [
        ("mailboxes", "0007_without_triggers"),
        ("aliases", "0006_unmatched_targets"),
        ("domains", "0003_without_modified_index"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        # Not one transaction: CREATE TRIGGER would end it, and what rebuild() repeats has to be one.
        migrations.RunPython(create, drop, atomic=False),
        # Last: a migration that is run again may not find it there.
        migrations.AddIndex(
            model_name="mailbox",
            index=models.Index(fields=["quota"], name="mailbox_quota"),
        ),
    ]
