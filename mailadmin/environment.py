"""Read settings from the environment, and refuse a wrong value with one clear sentence."""

import warnings

import environ
from django.core.exceptions import ImproperlyConfigured

KINDS = {
    "str": "text",
    "bool": "True or False",
    "int": "a whole number",
    "list": "a comma-separated list",
    "db_url": "a URL such as mysql://user:password@127.0.0.1:3306/mail or sqlite:///var/mailadmin.sqlite3",
    "email_url": "a URL such as smtp://127.0.0.1:25 or consolemail://",
}


class Environment(environ.Env):
    """django-environ, with errors that name the variable and say what is expected.

    ``read`` takes the name of one of django-environ's casts ("bool", "int", "list", "db_url" ...),
    the variable, and what it must fulfil: ``expected`` is the sentence shown when ``valid`` (a
    function of the value) is false or the cast fails.
    """

    def read(self, cast, name, *, valid=lambda value: True, expected=None, **kwargs):
        expected = expected or KINDS[cast]
        if "default" not in kwargs and not self.ENVIRON.get(name):
            raise ImproperlyConfigured(
                f"{name} is not set. Expected: {expected}. See .env.example."
            )
        try:
            # An unknown scheme of a URL is only a warning there.
            with warnings.catch_warnings(action="error", category=UserWarning):
                value = getattr(self, cast)(name, **kwargs)
            if cast == "list":
                value = [item.strip() for item in value if item.strip()]
            fits = valid(value)
        except (ValueError, TypeError, LookupError, ImproperlyConfigured, UserWarning):
            fits = False
        if not fits:
            raise ImproperlyConfigured(
                f"{name} has a wrong value. Expected: {expected}. See .env.example."
            )
        if cast == "bool" and self.ENVIRON.get(name, "").strip():
            self._check_bool(name, expected)
        return value

    def _check_bool(self, name, expected):
        # django-environ takes every unknown word for False: a typo must not switch a protection off.
        if self.ENVIRON[name].strip().lower() not in {
            "true",
            "false",
            "yes",
            "no",
            "on",
            "off",
            "1",
            "0",
        }:
            raise ImproperlyConfigured(
                f"{name} has a wrong value. Expected: {expected}. See .env.example."
            )
