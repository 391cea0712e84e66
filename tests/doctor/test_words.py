import re
from pathlib import Path

import pytest
from django.urls import reverse

from mailadmin.doctor.looking import CHECKS, SUBJECTS, subject_of

DOCUMENTED = Path(__file__).parents[2].joinpath("docs/doctor.md").read_text()


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_is_whole(check):
    assert subject_of(check) in SUBJECTS
    for text in (check.title, check.seen, check.why, check.mend, check.command):
        assert str(text).strip()
    assert reverse(check.page)
    assert f"`{check.name}`" in DOCUMENTED


def test_nothing_is_documented_that_is_no_check():
    named = re.findall(r"^\| `([a-z-]+)` \|", DOCUMENTED, re.MULTILINE)

    assert sorted(named) == sorted(CHECKS)
