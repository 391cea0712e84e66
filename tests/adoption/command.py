from io import StringIO

from django.core.management import call_command


def typed(*arguments):
    out = StringIO()
    call_command("adopt", "--config", "/dev/null", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def adopt(*arguments):
    """Keeps no report where nothing is said, which would lie in the folder of the tests."""
    begins = {"--apply", "--copy-to"} & {*arguments} and "--report" not in arguments
    return typed(*arguments, *(["--report", "/dev/null"] if begins else []))


def apply(*arguments):
    return adopt("--apply", "--no-dump", *arguments)
