from django.conf import settings
from django.core.management.base import CommandError

from mailadmin.deliveries.follower import Follower, sources
from mailadmin.deliveries.writing import Taken
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Read what Postfix and Dovecot logged since the last time (DELIVERY_LOGS), and write down what became of each message. With"
        " --follow it goes on for ever: that is mailadmin-deliveries.service (deploy/systemd)."
    )
    requires_system_checks = []
    # Its SQL user sees few tables, too few to tell whose they are.
    on_others = True

    def add_arguments(self, parser):
        parser.add_argument("--follow", action="store_true", help="Go on at the end of the logs.")

    def act(self, *, follow, **options):
        if not settings.DELIVERY_LOGS:
            raise CommandError(
                "No log is named: set DELIVERY_LOGS to journal, or to the paths of log files."
            )
        follower = Follower(sources(follow=follow))
        try:
            follower.run(follow=follow)
        except KeyboardInterrupt:
            pass
        except Taken as error:
            raise CommandError(
                f"Another process follows {error} on this machine: only one may."
            ) from error
        except OSError as error:
            raise CommandError(str(error)) from error
        finally:
            follower.close()
