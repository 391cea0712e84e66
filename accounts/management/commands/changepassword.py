from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Not used here: passwords change through the log."

    def handle(self, *args, **options):
        raise CommandError("Use: manage.py admin password NAME, or manage.py mailbox password NAME")
