#!/usr/bin/env python3
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")
    from django.core.management import execute_from_command_line

    from mailadmin.program import start_errors_in_words

    with start_errors_in_words():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
