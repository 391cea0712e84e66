import django.db.models.deletion
import django.utils.timezone
import panel.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_api_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField(db_index=True, null=True)),
                ("name", panel.fields.KeyField(max_length=36)),
                ("at", panel.fields.SecondsField()),
                ("username", panel.fields.KeyField(max_length=255)),
                ("domain", panel.fields.KeyField(blank=True, max_length=255)),
                ("action", panel.fields.KeyField(max_length=255)),
                ("data", panel.fields.ShortTextField()),
                ("changes", models.JSONField(null=True)),
            ],
            options={
                "db_table": "event",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["at"], name="event_at"),
                    models.Index(fields=["name"], name="event_name"),
                ],
            },
        ),
        migrations.CreateModel(
            name="EventLock",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("taken", models.BigIntegerField(db_default=0, default=0)),
                ("last", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "event_lock",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("owner", panel.fields.KeyField(max_length=255)),
                ("url", panel.fields.ShortTextField()),
                ("secret", models.CharField(max_length=255)),
                ("events", panel.fields.ShortTextField()),
                ("domains", panel.fields.ShortTextField(default="")),
                ("active", models.BooleanField(default=True)),
                ("made", panel.fields.SecondsField(default=django.utils.timezone.now)),
                ("position", models.BigIntegerField(default=0)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", panel.fields.SecondsField(null=True)),
                ("next_try", panel.fields.SecondsField(null=True)),
                ("ended", panel.fields.KeyField(default="", max_length=10)),
                ("runner", panel.fields.KeyField(default="", max_length=32)),
                ("busy_until", panel.fields.SecondsField(null=True)),
            ],
            options={
                "db_table": "webhook",
                "default_permissions": (),
                "indexes": [models.Index(fields=["owner"], name="webhook_owner")],
            },
        ),
        migrations.CreateModel(
            name="WebhookAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", panel.fields.KeyField(default="", max_length=36)),
                ("action", panel.fields.KeyField(default="", max_length=255)),
                ("about", panel.fields.ShortTextField(default="")),
                ("asked", panel.fields.SecondsField(default=django.utils.timezone.now)),
                ("sent", panel.fields.SecondsField(null=True)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("text", panel.fields.ShortTextField(default="")),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="accounts.webhook",
                    ),
                ),
            ],
            options={
                "db_table": "webhook_answer",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["webhook", "sent"], name="webhook_answer_sent"),
                    models.Index(fields=["asked"], name="webhook_answer_asked"),
                ],
            },
        ),
    ]
