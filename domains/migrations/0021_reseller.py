from django.db import migrations, models

import panel.fields
from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("domains", "0020_delivery_log")]

    operations = [
        AddColumn(
            "domain",
            "reseller",
            panel.fields.KeyField(
                blank=True, db_default="", default="", editable=False, verbose_name="reseller"
            ),
        ),
        migrations.AddIndex("domain", models.Index(fields=["reseller"], name="domain_reseller")),
    ]
