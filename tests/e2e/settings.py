"""The panel's own settings; only the collected static files go beside the test's data."""

import os
from pathlib import Path

from mailadmin.settings import *  # noqa: F403

STATIC_ROOT = Path(os.environ["STATIC_ROOT"])
