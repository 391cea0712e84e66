from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_letter_text")]

    operations = [
        AddColumn(
            "admin",
            "time_zone",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
        ),
    ]
