"""How tests read a refusal."""

import contextlib

import pytest
from django.core.exceptions import ValidationError


@contextlib.contextmanager
def refused(*codes, field=None):
    """Expect a ValidationError of exactly these codes, at ``field`` if it is named."""
    with pytest.raises(ValidationError) as refusal:
        yield refusal
    error = refusal.value
    by_field = error.error_dict if hasattr(error, "error_dict") else {None: error.error_list}
    assert [found.code for errors in by_field.values() for found in errors] == list(codes)
    if field:
        assert list(by_field) == [field]
