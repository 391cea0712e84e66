from django.db import migrations, models


class Migration(migrations.Migration):
    """The list of domains is sorted by mailboxes and by storage."""

    dependencies = [("domains", "0006_upgrading")]

    operations = [
        migrations.AddIndex(
            model_name="domainusage",
            index=models.Index(fields=["mailboxes", "domain"], name="domain_usage_mailboxes"),
        ),
        migrations.AddIndex(
            model_name="domainusage",
            index=models.Index(fields=["allotted", "domain"], name="domain_usage_allotted"),
        ),
    ]
