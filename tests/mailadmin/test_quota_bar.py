import re

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils.html import strip_tags
from django.utils.translation import override

MB = settings.QUOTA_MULTIPLIER
GB = 1024 * MB


def words(used, allotted, language="en"):
    bar = Template("{% quota_bar used allotted %}")
    with override(language):
        said = strip_tags(bar.render(Context({"used": used, "allotted": allotted})))
    return said.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("used", "allotted", "said"),
    [
        (1014 * MB, GB, "0.99 of 1 GB, 99 %"),
        (GB - 1, GB, "1 of 1 GB, 99 %"),
        (512 * MB, GB, "0.5 of 1 GB, 50 %"),
        (103 * MB, GB, "0.1 of 1 GB, 10 %"),
        (102 * MB, GB, "102 MB of 1 GB, 9 %"),
        (300 * MB // 1024, GB, "300 kB of 1 GB, 0 %"),
        (MB // 2, MB, "0.5 of 1 MB, 50 %"),
        (1, MB, "1 kB of 1 MB, 0 %"),
        (0, GB, "0 MB of 1 GB, 0 %"),
        (1536 * MB, 2 * GB, "1.5 of 2 GB, 75 %"),
        (1536 * MB, 1000 * MB, "1.5 GB of 1000 MB, 153 %"),
        (250 * GB, 250 * GB, "250 of 250 GB, 100 %"),
        (250 * GB, 2048 * GB, "0.24 of 2 TB, 12 %"),
        (1024**2 * GB, 2 * 1024**2 * GB, "1024 of 2048 TB, 50 %"),
        (5 * GB, 0, "5 GB, no limit"),
    ],
)
def test_what_is_used_is_said_in_the_unit_of_the_whole(used, allotted, said):
    assert words(used, allotted) == said


@pytest.mark.parametrize(
    ("percent", "level"),
    [(79, "quota"), (80, "quota warning"), (94, "quota warning"), (95, "quota danger")],
)
def test_a_bar_warns_from_80_percent_and_alarms_from_95(percent, level):
    bar = Template("{% quota_bar used allotted %}{% count_bar used allotted %}")
    drawn = bar.render(Context({"used": percent, "allotted": 100}))

    assert re.findall('class="(quota[^"]*)"', drawn) == [level, level]


def test_digits_are_set_as_the_language_has_them():
    assert words(1014 * MB, GB, "fr") == "0,99 sur 1 Go, 99 %"
