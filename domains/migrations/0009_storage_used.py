from django.db import migrations, models

from panel.columns import AddColumn


class Migration(migrations.Migration):
    """The list of domains shows and sorts by what mailboxes hold, as the last snapshot counted it."""

    dependencies = [("domains", "0008_dns")]

    operations = [
        AddColumn("domainusage", "used", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddIndex(
            model_name="domainusage",
            index=models.Index(fields=["used", "domain"], name="domain_usage_used"),
        ),
        migrations.RemoveIndex(model_name="domainusage", name="domain_usage_allotted"),
    ]
