from django.db import connection, models


class CountedLock(models.Model):
    """One row, counted up by whoever takes the lock.

    Galera knows no locks of other nodes: it lets the first of two transactions through that wrote
    the same row. An UPDATE that changes nothing is not written, so the number must differ.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    taken = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True

    def __str__(self):
        return self._meta.db_table

    @classmethod
    def hold(cls):
        table = cls._meta.db_table
        # One statement: two transactions that first read and find no row would deadlock.
        twin = (
            "DUPLICATE KEY UPDATE"
            if connection.vendor == "mysql"
            else "CONFLICT (id) DO UPDATE SET"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (id) VALUES (1) ON {twin} taken = {table}.taken + 1"  # noqa: S608
            )
