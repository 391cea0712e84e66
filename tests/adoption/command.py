from io import StringIO

from django.core.management import call_command


def adopt(*arguments):
    out = StringIO()
    call_command("adopt", "--config", "/dev/null", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def apply(*arguments):
    return adopt("--apply", "--no-dump", *arguments)
