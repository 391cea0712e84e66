from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Replaces Django's own command, which knows neither our tables nor the log."""

    help = "Not used here: an administrator is made by its own command."

    def handle(self, *args, **options):
        raise CommandError("Use: manage.py admin add NAME --superadmin")
