from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0028_sign_ins")]

    operations = [
        AddColumn(
            "mailbox",
            "time_zone",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
        ),
    ]
