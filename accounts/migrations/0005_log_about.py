import django.db.models.functions.text
from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    """What an index can hold of an entry's object, for the activity of one address. Writes the table anew."""

    dependencies = [("accounts", "0004_log_by_action")]

    operations = [
        migrations.AddField(
            "logentry",
            "about",
            models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Substr("data", 1, 255),
                output_field=panel.fields.KeyField(max_length=255),
            ),
        )
    ]
