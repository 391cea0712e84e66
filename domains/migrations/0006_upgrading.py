from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("domains", "0005_word")]

    operations = [
        migrations.AddField(
            "routinglock", "upgrading", models.BooleanField(default=False, db_default=False)
        )
    ]
