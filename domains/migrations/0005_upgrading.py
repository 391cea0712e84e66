from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("domains", "0004_count_the_routing_lock")]

    operations = [
        migrations.AddField(
            "routinglock", "upgrading", models.BooleanField(default=False, db_default=False)
        )
    ]
