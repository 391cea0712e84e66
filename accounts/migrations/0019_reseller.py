from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_right_to_end_sessions")]

    operations = [
        AddColumn(
            "admin",
            "reseller",
            models.BooleanField(db_default=False, default=False, verbose_name="reseller"),
        ),
        AddColumn(
            "admin",
            "max_domains",
            models.PositiveIntegerField(blank=True, null=True, verbose_name="domains"),
        ),
        AddColumn(
            "admin",
            "max_mailboxes",
            models.PositiveIntegerField(blank=True, null=True, verbose_name="mailboxes"),
        ),
        AddColumn(
            "admin",
            "max_storage",
            models.PositiveBigIntegerField(blank=True, null=True, verbose_name="storage, MB"),
        ),
    ]
