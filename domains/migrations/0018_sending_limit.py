from django.db import migrations

import panel.fields


class Migration(migrations.Migration):
    dependencies = [("domains", "0017_domain_sender_rule")]

    operations = [
        migrations.AddField(
            model_name="domain",
            name="sending_limit",
            field=panel.fields.RecipientsField(
                blank=True, null=True, verbose_name="recipients an hour"
            ),
        ),
    ]
