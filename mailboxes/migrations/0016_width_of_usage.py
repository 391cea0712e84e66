from django.db import migrations

# As a primary key it refers to a mailbox, whose field decides the width in Django.
NARROWER = "ALTER TABLE quota2 MODIFY username varchar(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"


def narrow(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(NARROWER)


class Migration(migrations.Migration):
    """An upgrade of PostfixAdmin to a release after 4.0 takes a table whose name is 255 wide for one to convert to latin1."""

    atomic = False
    dependencies = [("mailboxes", "0015_triggers")]

    operations = [migrations.RunPython(narrow, migrations.RunPython.noop)]
