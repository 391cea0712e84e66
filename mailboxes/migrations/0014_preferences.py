from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0013_triggers")]

    operations = [
        AddColumn(
            "mailbox",
            "language",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=10),
        ),
        AddColumn(
            "mailbox",
            "page_size",
            models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        AddColumn(
            "mailbox",
            "theme",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=6),
        ),
    ]
