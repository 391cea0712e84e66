"""The one upload that the panel takes, on disk and never in memory; Django removes it with the end of the request."""

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.urls import reverse

from mailadmin.file_import.bounds import MOST_BYTES
from panel.scoping import acting, may_open

RIGHT = "imports:write"  # of an administrator who uploads one


class OfAdministrators(TemporaryFileUploadHandler):
    """Leaves out what anybody else sends, and all of a file that is too large.

    Django reads a form before it looks at its token.
    """

    def new_file(self, *args, **kwargs):
        if self.request.path != reverse("imports"):
            raise TooManyFilesSent("No form but that one has a file.")
        account = getattr(self.request, "user", None)
        if account is None or not may_open(acting(account, RIGHT)):
            raise SkipFile
        super().new_file(*args, **kwargs)
        self.received = 0

    def receive_data_chunk(self, raw_data, start):
        self.received += len(raw_data)
        if self.received > MOST_BYTES:
            raise SkipFile
        super().receive_data_chunk(raw_data, start)
