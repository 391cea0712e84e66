import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from mailboxes import sieve
from mailboxes.vacation_rows import NO_END
from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField

# As docs/in-place.sql has it, for the table of a PostfixAdmin beside this panel, or before it.
TAKE_OVER = [
    """UPDATE vacation SET email = LOWER(TRIM(email)),
    created = IF(LEFT(CAST(created AS CHAR), 4) = '0000', '2000-01-01', created),
    activefrom = IF(LEFT(CAST(activefrom AS CHAR), 4) = '0000', '2000-01-01', activefrom)""",
    """ALTER TABLE vacation ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    MODIFY subject varchar(255) NOT NULL DEFAULT '', MODIFY body text NOT NULL DEFAULT '',
    MODIFY cache text NOT NULL DEFAULT '', MODIFY domain varchar(255) NOT NULL DEFAULT '',
    MODIFY modified datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    MODIFY created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    MODIFY activefrom datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    MODIFY activeuntil datetime NOT NULL DEFAULT '2038-01-18 00:00:00', DROP INDEX IF EXISTS email""",
]
LEFT_OUT = [
    "ALTER TABLE vacation_notification DROP FOREIGN KEY IF EXISTS vacation_notification_pkey",
    """ALTER TABLE vacation_notification
    MODIFY on_vacation varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL""",
    """ALTER TABLE vacation_notification ADD CONSTRAINT vacation_notification_pkey
    FOREIGN KEY (on_vacation) REFERENCES vacation (email) ON DELETE CASCADE""",
]


def create(apps, schema_editor):
    model = apps.get_model("mailboxes", "Vacation")
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
    if "vacation" in there and connection.vendor == "mysql":
        told = "vacation_notification" in there
        for statement in (
            *(LEFT_OUT[:2] if told else ()),
            *TAKE_OVER,
            *(LEFT_OUT[2:] if told else ()),
        ):
            schema_editor.execute(statement)
    else:
        schema_editor.create_model(model)


def drop(apps, schema_editor):
    schema_editor.delete_model(apps.get_model("mailboxes", "Vacation"))


def create_views(apps, schema_editor):
    sieve.create(schema_editor.connection)


def drop_views(apps, schema_editor):
    sieve.drop(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0029_time_zone"), ("aliases", "0010_dead_ends")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Vacation",
                    fields=[
                        (
                            "email",
                            models.OneToOneField(
                                db_column="email",
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                primary_key=True,
                                related_name="vacation",
                                serialize=False,
                                to="mailboxes.mailbox",
                            ),
                        ),
                        ("subject", models.CharField(db_default="", default="", max_length=255)),
                        ("body", ShortTextField(db_default="", default="")),
                        ("cache", ShortTextField(db_default="", default="", editable=False)),
                        ("domain", KeyField(db_default="", default="", max_length=255)),
                        (
                            "created",
                            SecondsField(
                                db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                            ),
                        ),
                        ("active", models.BooleanField(db_default=True, default=True)),
                        (
                            "modified",
                            SecondsField(
                                db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                            ),
                        ),
                        (
                            "activefrom",
                            SecondsField(db_default=UNKNOWN_MOMENT, default=UNKNOWN_MOMENT),
                        ),
                        (
                            "activeuntil",
                            SecondsField(db_default=NO_END, default=NO_END),
                        ),
                        ("interval_time", models.IntegerField(db_default=0, default=0)),
                    ],
                    options={"db_table": "vacation", "default_permissions": ()},
                ),
            ],
        ),
        migrations.RunPython(create, drop, atomic=False),
        migrations.RunPython(create_views, drop_views, atomic=False),
    ]
