import contextlib

import pytest
from django.core.exceptions import ValidationError


@contextlib.contextmanager
def refused(*codes, field=None):
    """Expect a ValidationError of exactly these codes, at ``field`` if it is named."""
    with pytest.raises(ValidationError) as refusal:
        yield refusal
    by_field = _by_field(refusal.value)
    assert [found.code for errors in by_field.values() for found in errors] == list(codes)
    if field:
        assert list(by_field) == [field]


def refused_path(function, *args, field=None, code="loop", **kwargs):
    """Call, expect a loop, at ``field`` if it is named, and return the path shown."""
    with refused(code, field=field) as refusal:
        function(*args, **kwargs)
    ((error,),) = _by_field(refusal.value).values()
    return error.params["path"]


def _by_field(error):
    return error.error_dict if hasattr(error, "error_dict") else {None: error.error_list}
