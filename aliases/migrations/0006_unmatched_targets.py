from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("aliases", "0005_lookup_functions")]

    operations = [
        migrations.RemoveIndex(model_name="aliastarget", name="alias_target_fallen"),
        migrations.RemoveIndex(model_name="aliastarget", name="alias_target_dangling"),
        migrations.RemoveField(model_name="aliastarget", name="dangling"),
        migrations.RemoveField(model_name="aliastarget", name="caught"),
        migrations.AddField(
            model_name="aliastarget",
            name="unmatched",
            field=models.BooleanField(default=False, db_default=False),
        ),
        migrations.AddIndex(
            model_name="aliastarget",
            index=models.Index(
                fields=["unmatched", "domain", "owner"], name="alias_target_unmatched"
            ),
        ),
    ]
