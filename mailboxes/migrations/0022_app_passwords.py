import django.db.models.deletion
from django.db import migrations, models

import panel.fields

# As docs/in-place.sql has it, for a table that PostfixAdmin made beside this panel, or before it.
TAKE_OVER = """
ALTER TABLE mailbox_app_password CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN protocols varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN networks varchar(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  ADD COLUMN expires bigint(20) NULL, ADD COLUMN created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
  ADD INDEX app_password_sign_in (username, password_hash)
"""


def create(apps, schema_editor):
    model = apps.get_model("mailboxes", "AppPassword")
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        there = model._meta.db_table in connection.introspection.table_names(cursor)
    if there and connection.vendor == "mysql":
        schema_editor.execute(TAKE_OVER)
    else:
        schema_editor.create_model(model)


def drop(apps, schema_editor):
    schema_editor.delete_model(apps.get_model("mailboxes", "AppPassword"))


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0021_without_triggers"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailbox",
            name="imap_active",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="pop3_active",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="sieve_active",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="sign_in_active",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="app_only",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="receives",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="AppPassword",
                    fields=[
                        ("id", models.AutoField(primary_key=True, serialize=False)),
                        ("description", models.CharField(max_length=255, null=True)),
                        ("password_hash", panel.fields.KeyField(max_length=255, null=True)),
                        (
                            "protocols",
                            panel.fields.KeyField(db_default="", default="", max_length=40),
                        ),
                        (
                            "networks",
                            panel.fields.KeyField(db_default="", default="", max_length=1000),
                        ),
                        ("expires", models.BigIntegerField(null=True)),
                        (
                            "created",
                            panel.fields.SecondsField(
                                db_default=panel.fields.UNKNOWN_MOMENT,
                                default=panel.fields.UNKNOWN_MOMENT,
                            ),
                        ),
                        (
                            "username",
                            models.ForeignKey(
                                db_column="username",
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="app_passwords",
                                to="mailboxes.mailbox",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "mailbox_app_password",
                        "default_permissions": (),
                        "indexes": [
                            models.Index(
                                fields=["username", "password_hash"], name="app_password_sign_in"
                            )
                        ],
                    },
                ),
            ],
        ),
        migrations.RunPython(create, drop, atomic=False),
    ]
