"""``-p tests.failures``: write the names of the tests that fail, a line each, to the file FAILURES."""

import os
import re
from pathlib import Path

import pytest


@pytest.hookimpl
def pytest_configure(config):
    # What fails in one of several processes is told to the first.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(Path(os.environ["FAILURES"])))


class Failures:
    def __init__(self, path):
        self.path = path

    def pytest_runtest_logreport(self, report):
        if report.failed:
            name = re.sub(r"@\w+$", "", report.nodeid)  # the group of --dist=loadgroup
            with self.path.open("a") as names:
                names.write(f"{name}\n")
