"""Django's database sessions, read by one SQL statement without the ORM: every request needs one."""

from django.contrib.sessions.backends import db
from django.db import Error, connection
from django.utils import timezone

from panel.transactions import reason_of

READ = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


class SessionStore(db.SessionStore):
    def load(self):
        # Begins almost every page, so it finds out itself whether the connection still lives:
        # CONN_HEALTH_CHECKS would ask the server before.
        connection.health_check_done = True
        try:
            found = self._row()
        except Error as error:
            if connection.in_atomic_block or reason_of(error) != "away":
                raise
            connection.close()
            found = self._row()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])

    def _row(self):
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(READ, [self.session_key, now])
            return cursor.fetchone()
