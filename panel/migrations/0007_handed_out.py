from django.db import migrations

from panel.fields import SecondsField


class Migration(migrations.Migration):
    dependencies = [
        ("panel", "0006_file_import"),
    ]

    operations = [
        migrations.AddField("fileimport", "handed", SecondsField(null=True)),
        migrations.AddField("fileline", "handed", SecondsField(null=True)),
    ]
