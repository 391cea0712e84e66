from django.db import migrations

from panel.columns import AddColumn
from panel.fields import KeyField


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0024_must_change")]

    operations = [
        AddColumn(
            "mailbox",
            "passkey_handle",
            KeyField(blank=True, db_default="", default="", editable=False, max_length=128),
        ),
    ]
