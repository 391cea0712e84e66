from django.db import migrations, models

import panel.fields
from panel.columns import AddColumn, AddUnique


class Migration(migrations.Migration):
    dependencies = [("accounts", "0019_reseller")]

    operations = [
        AddColumn(
            "admin",
            "mailbox",
            panel.fields.KeyField(blank=True, max_length=255, null=True, verbose_name="mailbox"),
        ),
        AddUnique("admin", models.UniqueConstraint(fields=["mailbox"], name="admin_mailbox")),
    ]
