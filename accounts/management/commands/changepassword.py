from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Stand before Django's own command, which knows neither our tables nor the log."""

    help = "Not used here: passwords change through the log."

    def handle(self, *args, **options):
        raise CommandError("Use: manage.py admin password NAME, or manage.py mailbox password NAME")
