from django.db import migrations, models


class Migration(migrations.Migration):
    """Which own addresses somebody else than their user switched off."""

    dependencies = [("aliases", "0012_access")]

    operations = [
        migrations.AddField(
            model_name="ownalias",
            name="held",
            field=models.BooleanField(db_default=False),
        ),
    ]
