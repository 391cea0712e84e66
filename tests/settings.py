import os
from unittest import mock

os.environ.update(
    SECRET_KEY="only-for-tests-only-for-tests-only-for-tests-only-for-tests",
    DEBUG="no",
    HTTPS="no",  # the tests' client speaks plain http
    PASSWORD_ROUNDS="5000",
    EMAIL_URL="memorymail://",
)
# A developer's .env is for `make run` and must not decide what is tested.
with mock.patch("mailadmin.environment.Environment.read_env"):
    from mailadmin.settings import *  # noqa: F403

# Static files from their source folders: nobody has run collectstatic.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
