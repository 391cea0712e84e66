from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0023_triggers")]

    operations = [
        AddColumn(
            "mailbox",
            "must_change",
            models.BooleanField(
                db_default=False, default=False, verbose_name="must change the password"
            ),
        ),
    ]
