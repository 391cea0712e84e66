from django.db import migrations

from mailboxes import triggers


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """The triggers name a column of alias by its old name. Writers go on meanwhile, uncounted until 0010.

    Undone, it leaves no triggers: run the `manage.py recount` of that release.
    """

    dependencies = [("mailboxes", "0008_triggers")]
    run_before = [("aliases", "0007_self_alias")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
