from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_log_about")]

    operations = [
        migrations.AddIndex(
            "logentry", models.Index(fields=["about", "timestamp"], name="log_about")
        )
    ]
