from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    dependencies = [
        ("domains", "0018_sending_limit"),
        ("mailboxes", "0016_width_of_usage"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailbox",
            name="sending_limit",
            field=panel.fields.RecipientsField(
                blank=True, null=True, verbose_name="recipients an hour"
            ),
        ),
        migrations.AddIndex(
            model_name="mailbox",
            index=models.Index(fields=["sending_limit"], name="mailbox_sending_limit"),
        ),
    ]
