from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    dependencies = [("domains", "0012_dns_meant")]

    operations = [
        migrations.CreateModel(
            name="RelayHost",
            fields=[
                (
                    "domain",
                    panel.fields.KeyField(max_length=255, primary_key=True, serialize=False),
                ),
                ("next_hop", models.CharField(max_length=300)),
                (
                    "login",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                ("salt", models.CharField(blank=True, db_default="", default="", max_length=32)),
                (
                    "secret",
                    models.CharField(blank=True, db_default="", default="", max_length=2000),
                ),
                (
                    "spf_include",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
            ],
            options={"db_table": "relay_host", "default_permissions": ()},
        ),
    ]
