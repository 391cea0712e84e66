from tests.e2e.settings import *  # noqa: F403
from tests.e2e.settings import MIDDLEWARE

MIDDLEWARE = ["tests.bench.cost.CostHeaderMiddleware", *MIDDLEWARE]
