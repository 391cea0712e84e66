from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    dependencies = [("domains", "0013_relay_host")]

    operations = [
        migrations.CreateModel(
            name="Copy",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("domain", panel.fields.KeyField(max_length=255)),
                (
                    "direction",
                    panel.fields.KeyField(choices=[("to", "to"), ("from", "from")], max_length=4),
                ),
                ("address", panel.fields.KeyField(max_length=255)),
                ("goto", panel.fields.KeyField(max_length=255)),
            ],
            options={
                "db_table": "mail_copy",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["domain", "direction", "address"], name="mail_copy_list")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("address", "direction"), name="mail_copy_address"
                    )
                ],
            },
        ),
    ]
