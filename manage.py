#!/usr/bin/env python3
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    from mailadmin.environment import is_about_connecting

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"mailadmin cannot start. {error}")
    except Error as error:
        if not is_about_connecting(error) or "--traceback" in sys.argv:
            raise
        # What the server says names user and host, and no password.
        sys.exit(
            f"mailadmin cannot start. DATABASE_URL names a database that cannot be opened: {error}."
            " Expected: one that is there and lets this user in. See .env.example."
        )


if __name__ == "__main__":
    main()
