from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    dependencies = [("domains", "0016_copy_goto")]

    operations = [
        migrations.CreateModel(
            name="DomainSenderRule",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("domain", panel.fields.KeyField(max_length=255)),
                ("list_number", models.SmallIntegerField()),
                ("sender", panel.fields.KeyField(max_length=255)),
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
            options={
                "db_table": "domain_sender_rule",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["domain", "sender"], name="domain_sender_rule_list")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("list_number", "sender"), name="domain_sender_rule_sender"
                    )
                ],
            },
        ),
    ]
