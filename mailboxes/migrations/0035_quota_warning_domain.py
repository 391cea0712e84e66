import django.db.models.expressions
import django.db.models.functions.text
from django.db import migrations, models

import panel.fields


class Migration(migrations.Migration):
    """For the list of those who were warned in one domain."""

    dependencies = [
        ("mailboxes", "0034_share_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="quotawarning",
            name="domain",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Substr(
                    "username",
                    django.db.models.expressions.CombinedExpression(
                        django.db.models.functions.text.StrIndex("username", models.Value("@")),
                        "+",
                        models.Value(1),
                    ),
                ),
                output_field=panel.fields.KeyField(max_length=255),
            ),
        ),
        migrations.AddIndex(
            model_name="quotawarning",
            index=models.Index(fields=["domain", "username"], name="quota_warning_domain"),
        ),
    ]
