from django.db import migrations, models
from django.db.models.functions import StrIndex, Substr

import panel.fields


class Migration(migrations.Migration):
    """Copies are found by where they go: they end with a mailbox or a domain that is deleted."""

    dependencies = [("domains", "0015_sender_rule")]

    operations = [
        migrations.AddField(
            model_name="copy",
            name="goto_domain",
            field=models.GeneratedField(
                db_persist=True,
                expression=Substr("goto", StrIndex("goto", models.Value("@")) + 1),
                output_field=panel.fields.KeyField(max_length=255),
            ),
        ),
        migrations.AddIndex(
            model_name="copy",
            index=models.Index(fields=["goto_domain", "goto"], name="mail_copy_goto"),
        ),
    ]
