from django.db import migrations, models

INDEXES = {
    "alias_list": ["is_self_alias", "domain", "address"],
    "alias_search": ["is_self_alias", "address"],
    "alias_state": ["is_self_alias", "active", "domain", "address"],
    "alias_modified": ["is_self_alias", "modified"],
    "alias_in_domain": ["domain", "is_self_alias", "address"],
}


class Migration(migrations.Migration):
    """The database's own indexes follow the column's new name; Django's picture of them does not."""

    dependencies = [("aliases", "0006_unmatched_targets")]

    operations = [
        migrations.RenameField(model_name="alias", old_name="of_mailbox", new_name="is_self_alias"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                operation
                for name, fields in INDEXES.items()
                for operation in (
                    migrations.RemoveIndex("alias", name),
                    migrations.AddIndex("alias", models.Index(fields=fields, name=name)),
                )
            ]
        ),
        migrations.RenameIndex(
            model_name="aliastarget",
            old_name="alias_target_leading_in",
            new_name="alias_target_referring",
        ),
    ]
