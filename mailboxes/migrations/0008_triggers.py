from django.db import migrations, models


class Migration(migrations.Migration):
    """Created the triggers, which name a column that came later: 0010 creates them."""

    dependencies = [
        ("mailboxes", "0007_without_triggers"),
        ("aliases", "0006_unmatched_targets"),
        ("domains", "0003_without_modified_index"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="mailbox",
            index=models.Index(fields=["quota"], name="mailbox_quota"),
        ),
    ]
