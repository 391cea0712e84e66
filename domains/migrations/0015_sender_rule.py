from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    dependencies = [("domains", "0014_copy")]

    operations = [
        migrations.CreateModel(
            name="SenderRule",
            fields=[
                (
                    "sender",
                    panel.fields.KeyField(max_length=255, primary_key=True, serialize=False),
                ),
                (
                    "action",
                    panel.fields.KeyField(
                        choices=[
                            ("REJECT", "Refuse"),
                            ("DEFER", "Refuse for now; the other server tries again"),
                            ("OK", "Let in, though a wider rule refuses it"),
                        ],
                        max_length=10,
                    ),
                ),
                ("text", models.CharField(blank=True, db_default="", default="", max_length=200)),
            ],
            options={"db_table": "sender_rule", "default_permissions": ()},
        ),
    ]
