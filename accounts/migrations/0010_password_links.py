import django.utils.timezone
from django.db import migrations, models

import panel.fields
from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_exception_for_admin")]

    operations = [
        AddColumn(
            "admin",
            "must_change",
            models.BooleanField(
                db_default=False, default=False, verbose_name="must change the password"
            ),
        ),
        migrations.CreateModel(
            name="PasswordLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", panel.fields.KeyField(max_length=7)),
                ("username", panel.fields.KeyField(max_length=255)),
                ("purpose", panel.fields.KeyField(max_length=10)),
                ("digest", panel.fields.KeyField(max_length=64, unique=True)),
                ("bound", panel.fields.KeyField(max_length=64)),
                ("made", panel.fields.SecondsField(default=django.utils.timezone.now)),
                ("until", panel.fields.SecondsField()),
            ],
            options={
                "db_table": "password_link",
                "default_permissions": (),
                "indexes": [models.Index(fields=["purpose", "until"], name="password_link_until")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("username", "kind", "purpose"), name="password_link_account"
                    )
                ],
            },
        ),
    ]
