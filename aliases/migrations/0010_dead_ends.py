from django.db import migrations, models


class Migration(migrations.Migration):
    """A domain's page lists the aliases that have a target which nobody answers."""

    dependencies = [("aliases", "0009_lookup_procedure")]

    operations = [
        migrations.AddIndex(
            model_name="aliastarget",
            index=models.Index(
                fields=["unmatched", "owner", "domain", "alias"], name="alias_target_dead_ends"
            ),
        ),
    ]
