from django.db import migrations


class Migration(migrations.Migration):
    """Created the triggers, of which one came later: 0041 creates them."""

    dependencies = [
        ("mailboxes", "0036_fetchmail"),
        ("accounts", "0015_api_tokens"),
        ("accounts", "0013_letter_text"),
        ("aliases", "0013_own_alias_held"),
        ("domains", "0017_domain_sender_rule"),
    ]

    operations = []
