import django.utils.timezone
import panel.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("aliases", "0010_dead_ends")]

    operations = [
        migrations.CreateModel(
            name="Ending",
            fields=[
                (
                    "address",
                    panel.fields.KeyField(max_length=255, primary_key=True, serialize=False),
                ),
                ("domain", panel.fields.KeyField(max_length=255)),
                ("last_day", models.DateField()),
                ("action", panel.fields.KeyField(max_length=10)),
                ("goto", panel.fields.KeyField(db_default="", default="", max_length=255)),
                ("days", models.IntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "ending",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["last_day", "address"], name="ending_due"),
                    models.Index(
                        fields=["domain", "last_day", "address"], name="ending_domain_due"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnAlias",
            fields=[
                (
                    "address",
                    panel.fields.KeyField(max_length=255, primary_key=True, serialize=False),
                ),
                ("username", panel.fields.KeyField(max_length=255)),
                ("domain", panel.fields.KeyField(max_length=255)),
                ("made", panel.fields.SecondsField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "own_alias",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["username", "address"], name="own_alias_username"),
                    models.Index(fields=["domain"], name="own_alias_domain"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnAliasLimit",
            fields=[
                ("name", panel.fields.KeyField(max_length=255, primary_key=True, serialize=False)),
                ("domain", panel.fields.KeyField(max_length=255)),
                ("most", models.IntegerField()),
            ],
            options={
                "db_table": "own_alias_limit",
                "default_permissions": (),
                "indexes": [models.Index(fields=["domain"], name="own_alias_limit_domain")],
            },
        ),
    ]
