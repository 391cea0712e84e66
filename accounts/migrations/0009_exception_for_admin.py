from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_second_factor"),
    ]

    operations = [
        migrations.AddField(
            model_name="factorexception",
            name="for_admin",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
