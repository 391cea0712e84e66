from django.db import migrations, models


class Migration(migrations.Migration):
    """A new mailbox asks whose directories are where its own would be."""

    dependencies = [("mailboxes", "0004_triggers")]

    operations = [
        migrations.AddIndex(
            model_name="mailbox",
            index=models.Index(fields=["maildir"], name="mailbox_maildir"),
        ),
    ]
