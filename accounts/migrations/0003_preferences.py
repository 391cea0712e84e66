from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_superadmin_lock")]

    operations = [
        AddColumn(
            "admin",
            "language",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=10),
        ),
        AddColumn(
            "admin",
            "page_size",
            models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        AddColumn(
            "admin",
            "theme",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=6),
        ),
    ]
