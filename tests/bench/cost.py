from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from django.db import connection

# Rows that the storage engine looked at, also those that it passed over inside an index.
ROWS_READ = (
    "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler\\_read\\_%'"
    " OR Variable_name = 'Handler_icp_attempts'"
)


@dataclass
class Cost:
    statements: int = 0
    rows: int = 0  # MariaDB only
    seconds: float = 0.0

    def count(self, execute, sql, params, many, context):
        start = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements += 1
            self.seconds += perf_counter() - start


@contextmanager
def measured():
    cost = Cost()
    before = _rows_read()
    with connection.execute_wrapper(cost.count):
        yield cost
    cost.rows = _rows_read() - before


def _rows_read():
    if connection.vendor != "mysql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(ROWS_READ)
        return sum(int(value) for _name, value in cursor.fetchall())


class CostHeaderMiddleware:
    """Tell in the answer's header ``X-Cost`` what it cost: statements, rows, milliseconds in SQL."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with measured() as cost:
            response = self.get_response(request)
        response["X-Cost"] = f"{cost.statements} {cost.rows} {cost.seconds * 1000:.2f}"
        return response
