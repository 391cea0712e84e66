from django.db import migrations, models

import panel.fields


def end_former_sessions(apps, _schema_editor):
    """Nothing reads them any more: everybody signs in once more."""
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_passkey"), ("sessions", "0001_initial")]

    operations = [
        # First: on MariaDB a migration that stops later begins anew here.
        migrations.RunPython(end_former_sessions, migrations.RunPython.noop),
        migrations.CreateModel(
            name="PanelSession",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40, primary_key=True, serialize=False, verbose_name="session key"
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("kind", panel.fields.KeyField(default="", max_length=7)),
                ("username", panel.fields.KeyField(default="", max_length=255)),
            ],
            options={
                "db_table": "panel_session",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["username", "kind"], name="panel_session_account")
                ],
            },
        ),
    ]
