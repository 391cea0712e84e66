from django.db import migrations

OLD, NEW = "mailboxes:write", "mailboxes:sessions"


def give(apps, schema_editor):
    for token in apps.get_model("accounts", "ApiToken").objects.filter(rights__contains=OLD):
        rights = token.rights.split(",")
        if OLD in rights and NEW not in rights:
            token.rights = ",".join([*rights, NEW])
            token.save(update_fields=["rights"])


class Migration(migrations.Migration):
    """Ending sessions needed the right to change mailboxes, and has one of its own now: tokens that had that one may go on."""

    dependencies = [("accounts", "0017_domain_role")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
