from django.apps import AppConfig


class MailadminConfig(AppConfig):
    """The project itself: wires the apps together and owns no tables."""

    name = "mailadmin"

    def ready(self):
        from mailadmin import checks  # noqa: F401  registers the system checks
