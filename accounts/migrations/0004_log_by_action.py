from django.db import migrations, models


class Migration(migrations.Migration):
    """For the log's filter by kind within domains."""

    dependencies = [("accounts", "0003_preferences")]

    operations = [
        migrations.AddIndex(
            "logentry",
            models.Index(fields=["domain", "action", "timestamp"], name="log_domain_action"),
        )
    ]
