from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0018_triggers"),
    ]

    operations = [
        migrations.AddField(
            model_name="retiredmaildir",
            name="awaited",
            field=models.BooleanField(null=True),
        ),
        migrations.AddIndex(
            model_name="retiredmaildir",
            index=models.Index(fields=["username"], name="retired_maildir_username"),
        ),
    ]
