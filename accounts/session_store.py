"""Django's database sessions, read by one SQL statement without the ORM: every request needs one.

Each row names its account, so that its sessions are found and ended. An administrator of this name is read with it: almost
every request needs that, too.
"""

import json
from functools import cache, lru_cache

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.core import signing
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.utils import timezone

from panel.prepared import columns_of
from panel.transactions import reason_of


class SessionStore(db.SessionStore):
    """``admin`` is the administrator who was read with the session, active or not, or None."""

    admin = None

    @classmethod
    def get_model_class(cls):
        from accounts.models import PanelSession  # models are loaded after this engine

        return PanelSession

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        if "kind" in data:
            row.kind, row.username = data["kind"], data.get(SESSION_KEY, "")
        return row

    def decode(self, session_data):
        try:
            return json.loads(_signed_text(session_data, self.key_salt))
        except (signing.BadSignature, ValueError):
            return super().decode(session_data)  # which says what is wrong

    def load(self):
        # Begins almost every page, so it finds out itself whether the connection still lives:
        # CONN_HEALTH_CHECKS would ask the server before.
        connection = connections[DEFAULT_DB_ALIAS]
        connection.health_check_done = True
        try:
            found = self._row(connection)
        except Error as error:
            if connection.in_atomic_block or reason_of(error) != "away":
                raise
            connection.close()
            found = self._row(connection)
        if found is None:
            self._session_key = None
            return {}
        data, *admin = found
        if admin[0] is not None:
            self.admin = _statement()[1](admin)
        return self.decode(data)

    def _row(self, connection):
        sql, _admin_of = _statement()
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(sql, [self.session_key, now])
            return cursor.fetchone()


class AsText:
    def loads(self, data):
        return data.decode("latin-1")


@lru_cache(maxsize=200)
def _signed_text(session_data, salt):
    """What each page of a session reads again: its signature is looked at once."""
    return signing.loads(session_data, salt=salt, serializer=AsText)


@cache
def _statement():
    from accounts.models import Admin

    columns, admin_of = columns_of(Admin.objects.all())
    sql = (
        f"SELECT session_data, {columns} FROM panel_session"  # noqa: S608
        " LEFT JOIN admin ON admin.username = panel_session.username"
        " WHERE session_key = %s AND expire_date > %s"
    )
    return sql, admin_of
