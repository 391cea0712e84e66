import django.utils.timezone
from django.db import migrations, models

import panel.fields
from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_password_links")]

    operations = [
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", panel.fields.KeyField(max_length=7)),
                ("username", panel.fields.KeyField(max_length=255)),
                ("digest", panel.fields.KeyField(max_length=64, unique=True)),
                ("credential", panel.fields.ShortTextField()),
                ("public_key", panel.fields.ShortTextField()),
                ("name", models.CharField(max_length=60)),
                ("sign_count", models.BigIntegerField(default=0)),
                ("last_challenge", models.BigIntegerField(default=0)),
                ("transports", models.CharField(default="", max_length=100)),
                ("backed_up", models.BooleanField(default=False)),
                ("created", panel.fields.SecondsField(default=django.utils.timezone.now)),
                ("last_used", panel.fields.SecondsField(null=True)),
            ],
            options={
                "db_table": "passkey",
                "default_permissions": (),
                "indexes": [models.Index(fields=["username", "kind"], name="passkey_account")],
            },
        ),
        AddColumn(
            "admin",
            "passkey_handle",
            panel.fields.KeyField(
                blank=True, db_default="", default="", editable=False, max_length=128
            ),
        ),
    ]
