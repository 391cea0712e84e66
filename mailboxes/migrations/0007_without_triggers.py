from django.db import migrations

from mailboxes import triggers


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The triggers name columns of alias_target that go. Writers go on meanwhile, uncounted until 0008.

    Undone, it leaves no triggers: run the `manage.py recount` of that release.
    """

    dependencies = [("mailboxes", "0006_targets_apart")]
    run_before = [("aliases", "0006_unmatched_targets")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
