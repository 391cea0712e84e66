from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("domains", "0011_delivery")]

    operations = [
        migrations.AddField("domaindns", "meant", models.JSONField(default=list)),
    ]
