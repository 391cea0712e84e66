import django.db.models.deletion
import panel.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0038_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deleted",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", panel.fields.KeyField(max_length=7)),
                ("name", panel.fields.KeyField(max_length=255)),
                ("domain", panel.fields.KeyField(max_length=255)),
                ("at", panel.fields.SecondsField()),
                ("until", panel.fields.SecondsField()),
                ("who", panel.fields.KeyField(max_length=255)),
                ("note", models.CharField(db_default="", default="", max_length=255)),
                ("mailboxes", models.IntegerField(db_default=0, default=0)),
                ("aliases", models.IntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "deleted",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["domain", "id"], name="deleted_domain"),
                    models.Index(fields=["name"], name="deleted_name"),
                    models.Index(fields=["until"], name="deleted_until"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeletedRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", panel.fields.KeyField(max_length=64)),
                ("maildir", panel.fields.KeyField(db_default="", default="", max_length=255)),
                ("data", models.JSONField()),
                (
                    "deletion",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="rows",
                        to="mailboxes.deleted",
                    ),
                ),
            ],
            options={
                "db_table": "deleted_row",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["deletion", "kind"], name="deleted_row_deletion"),
                    models.Index(fields=["maildir"], name="deleted_row_maildir"),
                ],
            },
        ),
    ]
