import django.utils.timezone
from django.db import migrations, models

import domains.transports
import panel.fields
from panel.columns import AddColumn


class Migration(migrations.Migration):
    """A backup MX may ask the primary server; the pages know what the last main.cf of mailconf has."""

    dependencies = [("domains", "0010_dkim")]

    operations = [
        AddColumn(
            "domain",
            "verify_recipients",
            models.BooleanField(
                db_default=False, default=False, verbose_name="ask the primary server"
            ),
        ),
        # In Python alone.
        migrations.AlterField(
            model_name="domain",
            name="transport",
            field=panel.fields.KeyField(
                blank=True,
                db_default="virtual",
                default="virtual",
                max_length=255,
                validators=[domains.transports.check_transport],
                verbose_name="transport",
            ),
        ),
        migrations.CreateModel(
            name="WrittenBlock",
            fields=[
                (
                    "name",
                    panel.fields.KeyField(max_length=40, primary_key=True, serialize=False),
                ),
                ("written", panel.fields.SecondsField(default=django.utils.timezone.now)),
            ],
            options={"db_table": "written_block", "default_permissions": ()},
        ),
    ]
